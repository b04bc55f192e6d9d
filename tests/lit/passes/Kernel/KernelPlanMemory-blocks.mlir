// RUN: %opt %s --kernel-plan-memory | FileCheck %s

// Blocks run while their callers' buffers are alive, one at a time: their own lie behind all of those,
// and share.

// With 9 rows and 7 of padding, a buffer of 16 columns takes 1024 bytes, of 32 2048.
!b16 = !kernel.buffer<16 x f32>
!b32 = !kernel.buffer<32 x f32>

// CHECK: kernel.arena_bytes = 9216 : i64
module attributes {kernel.target = #kernel.target<dot = vnni512, tiles = [1, 2], max_rows = 9>} {

// CHECK-LABEL: func.func private @small_block(
func.func private @small_block(%h: !b16, %layer: index, %i: index, %s: !b16, %out: !b16) {
  // CHECK: kernel.alloc at 5120
  %a = kernel.alloc at -1 : !b16
  kernel.map silu %h into %a : !b16, !b16
  kernel.map silu %a into %out : !b16, !b16
  return
}

// CHECK-LABEL: func.func @caller(
func.func @caller(%in: !b16, %out: !b16) {
  // All three live while the layers run.
  // CHECK: kernel.alloc at 0 :
  %a = kernel.alloc at -1 : !b16
  // CHECK: kernel.alloc at 1024 :
  %b = kernel.alloc at -1 : !b16
  // CHECK: kernel.alloc at 2048 :
  %s = kernel.alloc at -1 : !b16
  // CHECK: kernel.alloc at 0 :
  %c = kernel.alloc at -1 : !b16
  kernel.map silu %in into %a : !b16, !b16
  kernel.layers %a, %b shared(%s) {blocks = [@small_block, @large_block], schedule = array<i32: 0, 1, 0>}
      : !b16, !b16, !b16
  kernel.map silu %b into %c : !b16, !b16
  kernel.map silu %c into %out : !b16, !b16
  return
}

// CHECK-LABEL: func.func private @large_block(
func.func private @large_block(%h: !b16, %layer: index, %i: index, %s: !b16, %out: !b16) {
  // CHECK: kernel.alloc at 5120
  %a = kernel.alloc at -1 : !b32
  // CHECK: kernel.alloc at 7168
  %b = kernel.alloc at -1 : !b32
  kernel.map silu %a into %b : !b32, !b32
  return
}

// The largest caller, though it runs no layers: 5120 bytes.
// CHECK-LABEL: func.func @other_caller(
func.func @other_caller(%out: !b16) {
  // CHECK: kernel.alloc at 0
  %a = kernel.alloc at -1 : !b32
  // CHECK: kernel.alloc at 2048
  %b = kernel.alloc at -1 : !b32
  // CHECK: kernel.alloc at 4096
  %c = kernel.alloc at -1 : !b16
  kernel.map silu %a into %b : !b32, !b32
  kernel.map silu %c into %out : !b16, !b16
  kernel.map silu %b into %a : !b32, !b32
  return
}

func.func private @declared(!b16)

}

// -----

// Eight rows of token ids are half a line; every buffer begins with a line.
// CHECK: kernel.arena_bytes = 128 : i64
module attributes {kernel.target = #kernel.target<dot = plain, tiles = [1], max_rows = 1>} {

// CHECK-LABEL: func.func @lines(
func.func @lines() {
  // CHECK: kernel.alloc at 0
  %a = kernel.alloc at -1 : !kernel.buffer<1 x i32>
  // CHECK: kernel.alloc at 64
  %b = kernel.alloc at -1 : !kernel.buffer<1 x i32>
  kernel.map copy %a into %b : !kernel.buffer<1 x i32>, !kernel.buffer<1 x i32>
  return
}

}

// -----

// CHECK: kernel.arena_bytes = 0 : i64
module attributes {kernel.target = #kernel.target<dot = vnni512, tiles = [1], max_rows = 1>} {
}
