// RUN: %opt %s --llm-assign-layouts | FileCheck %s
// Weights that have a layout keep it.
// RUN: %opt %s --llm-assign-layouts --llm-assign-layouts | FileCheck %s

!h = tensor<?x64xf32>
!w = tensor<64x64x!llm.block<q4_0>>

// CHECK: llm.weight @of_linear : tensor<64x64x!llm.block<q4_0>, #llm.packed<rows = 16>>
llm.weight @of_linear : !w from "a"
// CHECK: llm.weight @of_fused : tensor<40x64xf16, #llm.packed<rows = 16>>
llm.weight @of_fused : tensor<40x64xf16> from "b"
// CHECK: llm.weight @of_second : tensor<40x64x!llm.block<q8_0>, #llm.packed<rows = 16>>
llm.weight @of_second : tensor<40x64x!llm.block<q8_0>> from "c"
// Only rows of it are looked up, so it can stay in the file.
// CHECK: llm.weight @embedding : tensor<100x64xf16> from
llm.weight @embedding : tensor<100x64xf16> from "d"
// Looked up in one function, multiplied in another.
// CHECK: llm.weight @tied : tensor<100x64x!llm.block<q8_0>, #llm.packed<rows = 16>>
llm.weight @tied : tensor<100x64x!llm.block<q8_0>> from "e"
// CHECK: llm.weight @unused : tensor<100x64xf16> from
llm.weight @unused : tensor<100x64xf16> from "f"
// Vectors have no rows to pack.
// CHECK: llm.weight @norm : tensor<64xf32> from
llm.weight @norm : tensor<64xf32> from "g"
// CHECK: llm.weight @bias : tensor<64xf32> from
llm.weight @bias : tensor<64xf32> from "h"

// CHECK-LABEL: func.func @multiply(
func.func @multiply(%x: !h) -> (!h, tensor<?x40xf32>, tensor<?x40xf32>, tensor<?x100xf32>) {
  // CHECK: llm.get_weight @of_linear : tensor<64x64x!llm.block<q4_0>, #llm.packed<rows = 16>>
  %w = llm.get_weight @of_linear : !w
  // CHECK: llm.get_weight @bias : tensor<64xf32>
  %b = llm.get_weight @bias : tensor<64xf32>
  // CHECK: llm.linear {{.*}} : tensor<?x64xf32>, tensor<64x64x!llm.block<q4_0>, #llm.packed<rows = 16>> -> tensor<?x64xf32>
  %0 = llm.linear %x, %w bias %b : tensor<64xf32> : !h, !w -> !h
  // CHECK: llm.get_weight @norm : tensor<64xf32>
  %n = llm.get_weight @norm : tensor<64xf32>
  // CHECK: llm.get_weight @of_fused : tensor<40x64xf16, #llm.packed<rows = 16>>
  %f = llm.get_weight @of_fused : tensor<40x64xf16>
  // CHECK: llm.get_weight @of_second : tensor<40x64x!llm.block<q8_0>, #llm.packed<rows = 16>>
  %s = llm.get_weight @of_second : tensor<40x64x!llm.block<q8_0>>
  // CHECK: llm.fused_linear {{.*}} : (tensor<?x64xf32>, tensor<64xf32>, tensor<40x64xf16, #llm.packed<rows = 16>>, tensor<40x64x!llm.block<q8_0>, #llm.packed<rows = 16>>)
  %1:2 = llm.fused_linear %x norm(%n) weights(%f, %s) {eps = 1.0e-05 : f32}
      : (!h, tensor<64xf32>, tensor<40x64xf16>, tensor<40x64x!llm.block<q8_0>>) -> (tensor<?x40xf32>, tensor<?x40xf32>)
  // CHECK: llm.get_weight @tied : tensor<100x64x!llm.block<q8_0>, #llm.packed<rows = 16>>
  %t = llm.get_weight @tied : tensor<100x64x!llm.block<q8_0>>
  %2 = llm.linear %x, %t : !h, tensor<100x64x!llm.block<q8_0>> -> tensor<?x100xf32>
  return %0, %1#0, %1#1, %2 : !h, tensor<?x40xf32>, tensor<?x40xf32>, tensor<?x100xf32>
}

// CHECK-LABEL: func.func @look_up(
func.func @look_up(%tokens: tensor<?xi32>) -> (!h, !h) {
  // CHECK: %[[E:.*]] = llm.get_weight @embedding : tensor<100x64xf16>
  %e = llm.get_weight @embedding : tensor<100x64xf16>
  // CHECK: llm.embed %{{.*}}, %[[E]] : tensor<?xi32>, tensor<100x64xf16> ->
  %0 = llm.embed %tokens, %e : tensor<?xi32>, tensor<100x64xf16> -> !h
  // CHECK: %[[T:.*]] = llm.get_weight @tied : tensor<100x64x!llm.block<q8_0>, #llm.packed<rows = 16>>
  %t = llm.get_weight @tied : tensor<100x64x!llm.block<q8_0>>
  // CHECK: llm.embed %{{.*}}, %[[T]] : tensor<?xi32>, tensor<100x64x!llm.block<q8_0>, #llm.packed<rows = 16>> ->
  %1 = llm.embed %tokens, %t : tensor<?xi32>, tensor<100x64x!llm.block<q8_0>> -> !h
  return %0, %1 : !h, !h
}

// CHECK-LABEL: func.func private @declared(tensor<?x64xf32>, tensor<64x64x!llm.block<q4_0>>)
func.func private @declared(!h, !w) -> !h

// -----

// Families: the symbol and the parameters of the block that takes it change together.

!h = tensor<?x64xf32>
!n = tensor<64xf32>
!w = tensor<64x64x!llm.block<q4_0>>

// CHECK: llm.weight @blk.w : tensor<64x64xf16, #llm.packed<rows = 16>> from "blk.{layer}.w" layers [0, 2]
llm.weight @blk.w : tensor<64x64xf16> from "blk.{layer}.w" layers [0, 2]
// CHECK: llm.weight @blk.w.1 : tensor<64x64x!llm.block<q4_0>, #llm.packed<rows = 16>> from "blk.{layer}.w" layers [1]
llm.weight @blk.w.1 : !w from "blk.{layer}.w" layers [1]
// CHECK: llm.weight @blk.n.0 : tensor<64xf32> from "blk.{layer}.n" layers [0, 2]
llm.weight @blk.n.0 : !n from "blk.{layer}.n" layers [0, 2]
llm.weight @blk.n.1 : !n from "blk.{layer}.n" layers [1]
// A block that does not multiply its matrix.
// CHECK: llm.weight @blk.idle : tensor<64x64x!llm.block<q4_0>> from
llm.weight @blk.idle : !w from "blk.{layer}.idle" layers [1]

// CHECK-LABEL: func.func private @block.0(
// CHECK-SAME: tensor<?x64xf32>, %{{.*}}: index, %{{.*}}: tensor<64xf32>, %{{.*}}: tensor<64x64xf16, #llm.packed<rows = 16>>) -> tensor<?x64xf32>
func.func private @block.0(%h: !h, %layer: index, %n: !n, %w: tensor<64x64xf16>) -> !h {
  %0 = llm.fused_linear %h norm(%n) weights(%w) residual(%h) {eps = 1.0e-05 : f32}
      : (!h, !n, tensor<64x64xf16>, !h) -> !h
  return %0 : !h
}

// CHECK-LABEL: func.func private @block.1(
// CHECK-SAME: tensor<?x64xf32>, %{{.*}}: index, %{{.*}}: tensor<64xf32>, %{{.*}}: tensor<64x64x!llm.block<q4_0>, #llm.packed<rows = 16>>, %{{.*}}: tensor<64x64x!llm.block<q4_0>>) -> tensor<?x64xf32>
func.func private @block.1(%h: !h, %layer: index, %n: !n, %w: !w, %idle: !w) -> !h {
  %0 = llm.fused_linear %h norm(%n) weights(%w) {eps = 1.0e-05 : f32} : (!h, !n, !w) -> !h
  return %0 : !h
}

// CHECK-LABEL: func.func @step(
func.func @step(%h: !h) -> !h {
  // CHECK: llm.layers %{{.*}} : (tensor<?x64xf32>) -> tensor<?x64xf32>
  %0 = llm.layers %h {
    blocks = [@block.0, @block.1], weights = [[@blk.n.0, @blk.w], [@blk.n.1, @blk.w.1, @blk.idle]],
    schedule = array<i32: 0, 1, 0>} : (!h) -> !h
  return %0 : !h
}
