// RUN: llmc-opt %s --llm-to-kernel --split-input-file --verify-diagnostics

!x = tensor<?x64xf32>
!i = tensor<?x2xi32>
!w = tensor<8x32x64xf16, #llm.packed<rows = 16>>

module attributes {kernel.target = #kernel.target<dot = vnni512, tiles = [1, 2], max_rows = 8>} {
llm.weight @w : !w from "w"
func.func @ids(%x: !x, %i: !i, %p: tensor<?x2xf32>) -> tensor<?x32xf32> {
  %w = llm.get_weight @w : !w
  // expected-error @+1 {{needs what an llm.route of the same function yields}}
  %y = llm.expert_linear %x, %i, %w : !x, !i, !w -> !x
  %z = llm.expert_sum %y, %p : !x, tensor<?x2xf32> -> tensor<?x32xf32>
  return %z : tensor<?x32xf32>
}
}

// -----
!x = tensor<?x64xf32>
!l = tensor<?x8xf32>
!i = tensor<?x2xi32>
!w = tensor<8x32x64xf16, #llm.packed<rows = 16>>

module attributes {kernel.target = #kernel.target<dot = vnni512, tiles = [1, 2], max_rows = 8>} {
llm.weight @w : !w from "w"
func.func @unfused(%x: !x, %l: !l) -> tensor<?x32xf32> {
  %i, %p = llm.route %l : !l -> !i, tensor<?x2xf32>
  %w = llm.get_weight @w : !w
  %y = llm.expert_linear %x, %i, %w : !x, !i, !w -> !x
  // expected-error @+1 {{cannot use products of experts, which are in the order of the experts}}
  %s = llm.silu %y : !x
  %z = llm.expert_sum %s, %p : !x, tensor<?x2xf32> -> tensor<?x32xf32>
  return %z : tensor<?x32xf32>
}
}

// -----
!x = tensor<?x128xf32>
!l = tensor<?x8xf32>
!i = tensor<?x2xi32>
!w = tensor<8x32x64xf16, #llm.packed<rows = 16>>

module attributes {kernel.target = #kernel.target<dot = vnni512, tiles = [1, 2], max_rows = 8>} {
llm.weight @w : !w from "w"
func.func @several(%x: !x, %l: !l) -> tensor<?x32xf32> {
  %i, %p = llm.route %l : !l -> !i, tensor<?x2xf32>
  %w = llm.get_weight @w : !w
  // expected-error @+1 {{can take rows of several experts only from an operation on experts}}
  %y = llm.expert_linear %x, %i, %w : !x, !i, !w -> tensor<?x64xf32>
  %z = llm.expert_sum %y, %p : tensor<?x64xf32>, tensor<?x2xf32> -> tensor<?x32xf32>
  return %z : tensor<?x32xf32>
}
}

// -----
module attributes {kernel.target = #kernel.target<dot = vnni512, tiles = [1, 2], max_rows = 8>} {
func.func @sum(%x: tensor<?x64xf32>, %l: tensor<?x8xf32>) -> tensor<?x32xf32> {
  %i, %p = llm.route %l : tensor<?x8xf32> -> tensor<?x2xi32>, tensor<?x2xf32>
  // expected-error @+1 {{can sum only what an operation on experts yields}}
  %z = llm.expert_sum %x, %p : tensor<?x64xf32>, tensor<?x2xf32> -> tensor<?x32xf32>
  return %z : tensor<?x32xf32>
}
}
