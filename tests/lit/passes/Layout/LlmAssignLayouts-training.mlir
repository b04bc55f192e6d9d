// RUN: %opt %s --llm-assign-layouts | FileCheck %s

// Both directions and the loss take a weight from one packed copy; matrices of adapters are
// never packed, weights that are trained are, and their derivatives with them.
!t = tensor<?x64xf32>
!w = tensor<64x64x!llm.block<q4_0>>
!a = tensor<64x64xf32>

// CHECK: llm.weight @back : tensor<64x64x!llm.block<q4_0>, #llm.packed<rows = 16>> from
llm.weight @back : !w from "a"
// CHECK: llm.weight @output : tensor<99x64xf16, #llm.packed<rows = 16>> from
llm.weight @output : tensor<99x64xf16> from "b"
// CHECK: llm.weight @w : tensor<64x64x!llm.block<q4_0>, #llm.packed<rows = 16>> from
llm.weight @w : !w from "blk.{layer}.w" layers [0, 1]
// CHECK: llm.parameter @a : tensor<64x64xf32> from
llm.parameter @a : !a from "blk.{layer}.a" layers [0, 1]

// CHECK: llm.parameter @trained : tensor<99x64xf32, #llm.packed<rows = 16>> from
llm.parameter @trained : tensor<99x64xf32> from "trained"

// CHECK-LABEL: func.func private @block.adjoint(
// CHECK-SAME: tensor<64x64x!llm.block<q4_0>, #llm.packed<rows = 16>>, %{{[a-z0-9]*}}: tensor<64x64xf32>)
func.func private @block.adjoint(%dy: !t, %layer: index, %w: !w, %a: !a) -> !t {
  %0 = llm.linear_transposed %dy, %w : !t, !w -> !t
  %1 = llm.matmul %0, %a : !t, !a -> !t
  return %1 : !t
}

// CHECK-LABEL: func.func @f(
func.func @f(%x: !t, %targets: tensor<?xi32>) -> (tensor<?x1xf32>, !t, !t) {
  %o = llm.get_weight @output : tensor<99x64xf16>
  %losses, %sums = llm.linear_cross_entropy %x, %o, %targets
      : (!t, tensor<99x64xf16>, tensor<?xi32>) -> (tensor<?x1xf32>, tensor<?x1xf32>)
  // CHECK: llm.get_weight @back : tensor<64x64x!llm.block<q4_0>, #llm.packed<rows = 16>>
  %b = llm.get_weight @back : !w
  %0 = llm.linear_transposed %x, %b : !t, !w -> !t
  %1 = llm.layers_adjoint %x {blocks = [@block.adjoint], weights = [[@w, @a]], schedule = array<i32: 0, 0>} : (!t) -> !t
  return %losses, %0, %1 : tensor<?x1xf32>, !t, !t
}

// CHECK-LABEL: func.func @trains(
func.func @trains(%x: !t, %tokens: tensor<?xi32>) -> !t {
  // CHECK: llm.get_parameter @trained : tensor<99x64xf32, #llm.packed<rows = 16>>
  %p = llm.get_parameter @trained : tensor<99x64xf32>
  %0 = llm.embed %tokens, %p : tensor<?xi32>, tensor<99x64xf32> -> !t
  // CHECK: llm.embed_adjoint %{{.*}} -> tensor<99x64xf32, #llm.packed<rows = 16>>
  %g = llm.embed_adjoint %x, %tokens : !t, tensor<?xi32> -> tensor<99x64xf32>
  // CHECK: llm.accumulate_gradient %{{.*}} into @trained : tensor<99x64xf32, #llm.packed<rows = 16>>
  llm.accumulate_gradient %g into @trained : tensor<99x64xf32>
  return %0 : !t
}
