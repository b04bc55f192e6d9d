// RUN: %opt %s --kernel-to-vector > %t
// RUN: FileCheck %s < %t
// RUN: grep -c "func.func private @matmul.q4_0.t" %t | FileCheck %s --check-prefix=BODIES
// RUN: grep -c "func.func private @matmul" %t | FileCheck %s --check-prefix=MATMUL
// RUN: grep -c "func.func private @.pack_rows" %t | FileCheck %s --check-prefix=PACK
// RUN: grep -c "func.func private @map" %t | FileCheck %s --check-prefix=MAP
// RUN: grep -c "func.func private @llmc_team_barrier" %t | FileCheck %s --check-prefix=BARRIER

// Users of one variant share its code, whatever their shapes: a matrix product has a function for each
// format, epilogue and bias, and for all epilogues of a format, with and without a bias, bodies for the
// target's two tiles and for one or two panels.
// BODIES: {{^2$}}
// MATMUL: {{^14$}}
// Packing depends on the shape.
// PACK: {{^2$}}
// MAP: {{^2$}}
// BARRIER: {{^1$}}

!b = !kernel.buffer<64 x f32>
!c = !kernel.buffer<48 x f32>
!p = !kernel.packed<64 x i8, tiles = [1, 2], corrections = [8, 32], sums = []>
!r = !kernel.packed<64 x f32, tiles = [1, 2], corrections = [], sums = []>
!w = tensor<64x64x!llm.block<q4_0>, #llm.packed<rows = 16>>
!v = tensor<48x64x!llm.block<q4_0>, #llm.packed<rows = 16>>
!f = tensor<48x64xf16, #llm.packed<rows = 16>>

module attributes {kernel.target = #kernel.target<dot = vnni512, tiles = [1, 2], max_rows = 9>} {

llm.weight @w : !w from "w"
llm.weight @v : !v from "v"
llm.weight @f : !f from "f"
llm.weight @bias : tensor<48xf32> from "bias"

// CHECK-LABEL: func.func @users(
func.func @users(%x: !b, %b: !b, %c: !c) {
  %p = kernel.alloc at 0 : !p
  %r = kernel.alloc at 65536 : !r
  // CHECK: call @"pack_rows.64.!kernel.packed<64 x i8, tiles = [1, 2], corrections = [8, 32], sums = []>"
  kernel.pack_rows %x, %p : !b, !p
  kernel.barrier
  kernel.pack_rows %b, %p : !b, !p
  // CHECK: call @"pack_rows.64.!kernel.packed<64 x f32, tiles = [1, 2], corrections = [], sums = []>"
  kernel.pack_rows %x, %r : !b, !r
  kernel.barrier
  %w = kernel.get_weight @w : !w
  %v = kernel.get_weight @v : !v
  %f = kernel.get_weight @f : !f
  %bias = kernel.get_weight @bias : tensor<48xf32>
  // CHECK: call @matmul.q4_0.store(
  kernel.matmul %p, %w, %b : !p, !w, !b
  // CHECK: call @matmul.q4_0.store(
  kernel.matmul %p, %v, %c : !p, !v, !c
  // CHECK: call @matmul.q4_0.add(
  kernel.matmul %p, %v, %c other %c {epilogue = #kernel.epilogue<add>} : !p, !v, !c, !c
  // CHECK: call @matmul.q4_0.add.bias(
  kernel.matmul %p, %v, %c bias %bias other %c {epilogue = #kernel.epilogue<add>} : !p, !v, !c, tensor<48xf32>, !c
  // CHECK: call @matmul.f16.store(
  kernel.matmul %r, %f, %c : !r, !f, !c
  // CHECK: call @map.silu(
  kernel.map silu %c into %c : !c, !c
  // CHECK: call @map.silu(
  kernel.map silu %b into %b : !b, !b
  // CHECK: call @map.mul(
  kernel.map mul %b, %x into %b : !b, !b, !b
  return
}

}
