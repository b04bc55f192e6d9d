// RUN: %opt %s --kernel-plan-memory | FileCheck %s

// With 9 rows and 7 of padding, a buffer of up to 16 columns takes 1024 bytes, of up to 32 2048.

!b16 = !kernel.buffer<16 x f32>
!b32 = !kernel.buffer<32 x f32>
!p = !kernel.packed<16 x f32, tiles = [1, 2], corrections = [], sums = []>

// As much as the function that needs most.
// CHECK: kernel.arena_bytes = 7168 : i64
module attributes {kernel.target = #kernel.target<dot = vnni512, tiles = [1, 2], max_rows = 9>} {

llm.weight @w : tensor<16x16xf32, #llm.packed<rows = 16>> from "w"

// What lives at the same time lies apart, the largest first; what does not shares.
// CHECK-LABEL: func.func @chain(
func.func @chain(%in: !b16, %out: !b16) {
  // CHECK: kernel.alloc at 2048 : !kernel.buffer<16 x f32>
  %a = kernel.alloc at -1 : !b16
  // CHECK: kernel.alloc at 0 : !kernel.buffer<20 x f32>
  %b = kernel.alloc at -1 : !kernel.buffer<20 x f32>
  // CHECK: kernel.alloc at 2048 : !kernel.buffer<16 x f32>
  %c = kernel.alloc at -1 : !b16
  kernel.map copy %in into %a : !b16, !b16
  kernel.rope %a, %b, %b {head_dim = 4 : i64} : !b16, !kernel.buffer<20 x f32>, !kernel.buffer<20 x f32>
  kernel.rope %c, %b, %c {head_dim = 4 : i64} : !b16, !kernel.buffer<20 x f32>, !b16
  kernel.map copy %c into %out : !b16, !b16
  return
}

// Operand and result of one operation live at the same time.
// CHECK-LABEL: func.func @neighbours(
func.func @neighbours(%out: !b16) {
  // CHECK: kernel.alloc at 0
  %a = kernel.alloc at -1 : !b16
  // CHECK: kernel.alloc at 1024
  %b = kernel.alloc at -1 : !b16
  // CHECK: kernel.alloc at 0
  %c = kernel.alloc at -1 : !b16
  kernel.map silu %a into %b : !b16, !b16
  kernel.map silu %b into %c : !b16, !b16
  kernel.map silu %c into %out : !b16, !b16
  return
}

// Products that follow one another need no memory of each other.
// CHECK-LABEL: func.func @products(
func.func @products(%x: !b16, %y: !b16, %out: !b16) {
  %w = kernel.get_weight @w : tensor<16x16xf32, #llm.packed<rows = 16>>
  // CHECK: kernel.alloc at 1024
  %p = kernel.alloc at -1 : !p
  // CHECK: kernel.alloc at 1664
  %q = kernel.alloc at -1 : !p
  // CHECK: kernel.alloc at 0
  %a = kernel.alloc at -1 : !b16
  kernel.pack_rows %x, %p : !b16, !p
  kernel.pack_rows %y, %q : !b16, !p
  kernel.matmul %p, %w, %out : !p, tensor<16x16xf32, #llm.packed<rows = 16>>, !b16
  kernel.matmul %q, %w, %a : !p, tensor<16x16xf32, #llm.packed<rows = 16>>, !b16
  return
}

// The lowest gap that is large enough: two small ones fit where the second was.
// CHECK-LABEL: func.func @gap(
func.func @gap() {
  // CHECK: kernel.alloc at 0
  %a = kernel.alloc at -1 : !b32
  // CHECK: kernel.alloc at 2048
  %b = kernel.alloc at -1 : !b32
  // CHECK: kernel.alloc at 4096
  %c = kernel.alloc at -1 : !b32
  kernel.map add %a, %b into %c : !b32, !b32, !b32
  // CHECK: kernel.alloc at 2048
  %d = kernel.alloc at -1 : !b16
  // CHECK: kernel.alloc at 3072
  %e = kernel.alloc at -1 : !b16
  // CHECK: kernel.alloc at 6144
  %f = kernel.alloc at -1 : !b16
  kernel.map mul %d, %e into %f : !b16, !b16, !b16
  kernel.map silu %a into %c : !b32, !b32
  kernel.map mul %d, %e into %f : !b16, !b16, !b16
  return
}

// Packed activations take whole tiles: 5 of 128 bytes of q and 3 * 16 of scales, corrections and sums,
// in whole lines. Token ids are not padded.
// CHECK-LABEL: func.func @sizes(
func.func @sizes(%in: !kernel.buffer<64 x f32>) {
  // CHECK: kernel.alloc at 1024 : !kernel.packed
  %p = kernel.alloc at -1 : !kernel.packed<64 x i8, tiles = [1, 2], corrections = [8, 32], sums = [32]>
  // CHECK: kernel.alloc at 0 : !kernel.buffer<16 x f32>
  %a = kernel.alloc at -1 : !b16
  // CHECK: kernel.alloc at 1984 : !kernel.packed
  %f = kernel.alloc at -1 : !kernel.packed<8 x f32, tiles = [1, 2], corrections = [], sums = []>
  // CHECK: kernel.alloc at 2304 : !kernel.buffer<3 x i32>
  %t = kernel.alloc at -1 : !kernel.buffer<3 x i32>
  // CHECK: kernel.alloc at 2496 : !kernel.buffer<1 x i32>
  %u = kernel.alloc at -1 : !kernel.buffer<1 x i32>
  kernel.pack_rows %in, %p : !kernel.buffer<64 x f32>, !kernel.packed<64 x i8, tiles = [1, 2], corrections = [8, 32], sums = [32]>
  kernel.pack_rows %a, %f : !b16, !kernel.packed<8 x f32, tiles = [1, 2], corrections = [], sums = []>
  kernel.map copy %t into %t : !kernel.buffer<3 x i32>, !kernel.buffer<3 x i32>
  kernel.map copy %u into %u : !kernel.buffer<1 x i32>, !kernel.buffer<1 x i32>
  kernel.map copy %t into %t : !kernel.buffer<3 x i32>, !kernel.buffer<3 x i32>
  kernel.pack_rows %a, %f : !b16, !kernel.packed<8 x f32, tiles = [1, 2], corrections = [], sums = []>
  kernel.pack_rows %in, %p : !kernel.buffer<64 x f32>, !kernel.packed<64 x i8, tiles = [1, 2], corrections = [8, 32], sums = [32]>
  return
}

// A tile of 16 tokens has room for their bfloat16 instead.
// CHECK-LABEL: func.func @matrix_unit(
func.func @matrix_unit(%in: !kernel.buffer<64 x f32>) {
  // CHECK: kernel.alloc at 0 :
  %p = kernel.alloc at -1 : !kernel.packed<64 x i8, tiles = [1, 8, 16], corrections = [8, 32], sums = []>
  // CHECK: kernel.alloc at 2048 :
  %a = kernel.alloc at -1 : !b16
  kernel.pack_rows %in, %p : !kernel.buffer<64 x f32>, !kernel.packed<64 x i8, tiles = [1, 8, 16], corrections = [8, 32], sums = []>
  kernel.map silu %a into %a : !b16, !b16
  kernel.pack_rows %in, %p : !kernel.buffer<64 x f32>, !kernel.packed<64 x i8, tiles = [1, 8, 16], corrections = [8, 32], sums = []>
  return
}

}
