// RUN: %opt %s --llm-assign-layouts | FileCheck %s

!x = tensor<?x64xf32>
!y = tensor<?x64xf32>
!i = tensor<?x2xi32>
!w = tensor<8x32x64xf16>
!d = tensor<8x64x32x!llm.block<q4_0>>

// The matrices of all experts are packed as one.
// CHECK: llm.weight @gate : tensor<8x32x64xf16, #llm.packed<rows = 16>> from
llm.weight @gate : !w from "gate"
// CHECK: llm.weight @up : tensor<8x32x64xf16, #llm.packed<rows = 16>> from
llm.weight @up : !w from "up"
// CHECK: llm.weight @down : tensor<8x64x32x!llm.block<q4_0>, #llm.packed<rows = 16>> from
llm.weight @down : !d from "down"

func.func @f(%x: !x, %i: !i) -> tensor<?x128xf32> {
  %g = llm.get_weight @gate : !w
  %u = llm.get_weight @up : !w
  // CHECK: llm.get_weight @down : tensor<8x64x32x!llm.block<q4_0>, #llm.packed<rows = 16>>
  %d = llm.get_weight @down : !d
  %0 = llm.expert_swiglu %x, %i, %g, %u : !x, !i, !w, !w -> !y
  %1 = llm.expert_linear %0, %i, %d : !y, !i, !d -> tensor<?x128xf32>
  return %1 : tensor<?x128xf32>
}
