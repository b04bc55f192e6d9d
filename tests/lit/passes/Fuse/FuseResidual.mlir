// RUN: %opt %s --llm-fuse-residual | FileCheck %s
// RUN: %remarks %s --llm-fuse-residual

!t = tensor<?x64xf32>
!w = tensor<64x64xf16>

// The linear moves to where the other addend is known.
// CHECK-LABEL: func.func @fused(
// CHECK-SAME: %[[X:.*]]: tensor<?x64xf32>, %[[W:.*]]: tensor<64x64xf16>)
func.func @fused(%x: !t, %w: !w) -> (!t, !t) {
  // CHECK-NEXT: %[[S:.*]] = llm.silu %[[X]]
  // CHECK-NEXT: %[[Y:.*]] = llm.fused_linear %[[X]] weights(%[[W]]) residual(%[[S]])
  // CHECK-NEXT: %[[Z:.*]] = llm.fused_linear %[[Y]] weights(%[[W]]) residual(%[[X]])
  // CHECK-NEXT: return %[[Y]], %[[Z]]
  %0 = llm.fused_linear %x weights(%w) : (!t, !w) -> !t
  %s = llm.silu %x : !t
  // expected-remark @+1 {{[Passed] llm-fuse-residual | Category:fuse | Function=fused | Remark="residual into linear"}}
  %1 = llm.add %0, %s : !t
  %2 = llm.fused_linear %1 weights(%w) : (!t, !w) -> !t
  // expected-remark @+1 {{[Passed] llm-fuse-residual}}
  %3 = llm.add %x, %2 : !t
  return %1, %3 : !t, !t
}

// Norm and bias come before the residual, so they stay.
// CHECK-LABEL: func.func @keeps_norm_and_bias(
// CHECK-SAME: %[[X:.*]]: tensor<?x64xf32>, %[[N:.*]]: tensor<64xf32>, %[[W:.*]]: tensor<64x64xf16>)
func.func @keeps_norm_and_bias(%x: !t, %n: tensor<64xf32>, %w: !w) -> !t {
  // CHECK-NEXT: llm.fused_linear %[[X]] norm(%[[N]]) weights(%[[W]]) biases(%[[N]]) residual(%[[X]]) {biased = array<i1: true>, eps = 1.000000e+00 : f32}
  // CHECK-NEXT: return
  %0 = llm.fused_linear %x norm(%n) weights(%w) biases(%n) {biased = array<i1: true>, eps = 1.0 : f32}
      : (!t, tensor<64xf32>, !w, tensor<64xf32>) -> !t
  // expected-remark @+1 {{[Passed] llm-fuse-residual}}
  %1 = llm.add %x, %0 : !t
  return %1 : !t
}

// Of two products the later takes the earlier, in either order.
// CHECK-LABEL: func.func @two_products(
// CHECK-SAME: %[[X:.*]]: tensor<?x64xf32>, %[[V:.*]]: tensor<64x64xf16>, %[[W:.*]]: tensor<64x64xf16>)
func.func @two_products(%x: !t, %v: !w, %w: !w) -> (!t, !t) {
  // CHECK-NEXT: %[[A:.*]] = llm.fused_linear %[[X]] weights(%[[V]]) :
  // CHECK-NEXT: llm.fused_linear %[[X]] weights(%[[W]]) residual(%[[A]])
  // CHECK-NEXT: %[[B:.*]] = llm.fused_linear %[[X]] weights(%[[V]]) :
  // CHECK-NEXT: llm.fused_linear %[[X]] weights(%[[W]]) residual(%[[B]])
  // CHECK-NEXT: return
  %0 = llm.fused_linear %x weights(%v) : (!t, !w) -> !t
  %1 = llm.fused_linear %x weights(%w) : (!t, !w) -> !t
  // expected-remark @+1 {{[Passed] llm-fuse-residual}}
  %2 = llm.add %0, %1 : !t
  %3 = llm.fused_linear %x weights(%v) : (!t, !w) -> !t
  %4 = llm.fused_linear %x weights(%w) : (!t, !w) -> !t
  // expected-remark @+1 {{[Passed] llm-fuse-residual}}
  %5 = llm.add %4, %3 : !t
  return %2, %5 : !t, !t
}

// Of two products, one of which has another use, the other takes the residual.
// CHECK-LABEL: func.func @one_of_two(
func.func @one_of_two(%x: !t, %v: !w, %w: !w) -> (!t, !t) {
  // CHECK-NEXT: %[[A:.*]] = llm.fused_linear %{{.*}} weights(%arg2) :
  // CHECK-NEXT: llm.fused_linear %{{.*}} weights(%arg1) residual(%[[A]])
  // CHECK-NEXT: return
  %0 = llm.fused_linear %x weights(%v) : (!t, !w) -> !t
  %1 = llm.fused_linear %x weights(%w) : (!t, !w) -> !t
  // expected-remark @+1 {{[Passed] llm-fuse-residual}}
  %2 = llm.add %0, %1 : !t
  return %1, %2 : !t, !t
}

// What an adapter makes of a product: a second one beside it, whose own product is added last.
// CHECK-LABEL: func.func @first_of_two(
// CHECK-SAME: %[[X:.*]]: tensor<?x64xf32>, %[[W:.*]]: tensor<64x64xf16>, %[[A:.*]]: tensor<8x64xf32>, %[[B:.*]]: tensor<64x8xf32>)
func.func @first_of_two(%x: !t, %w: !w, %a: tensor<8x64xf32>, %b: tensor<64x8xf32>) -> !t {
  // CHECK-NEXT: %[[Y:.*]]:2 = llm.fused_linear %[[X]] weights(%[[W]], %[[A]]) residual(%[[X]])
  // CHECK-NEXT: %[[Z:.*]] = llm.fused_linear %[[Y]]#1 weights(%[[B]]) residual(%[[Y]]#0)
  // CHECK-NEXT: return %[[Z]]
  %0:2 = llm.fused_linear %x weights(%w, %a) : (!t, !w, tensor<8x64xf32>) -> (!t, tensor<?x8xf32>)
  // expected-remark @+1 {{[Passed] llm-fuse-residual}}
  %1 = llm.add %x, %0#0 : !t
  %2 = llm.fused_linear %0#1 weights(%b) : (tensor<?x8xf32>, tensor<64x8xf32>) -> !t
  // expected-remark @+1 {{[Passed] llm-fuse-residual}}
  %3 = llm.add %1, %2 : !t
  return %3 : !t
}

// A sum of no product is no candidate.
// CHECK-LABEL: func.func @no_candidate(
func.func @no_candidate(%x: !t) -> !t {
  // CHECK-NEXT: llm.add
  %0 = llm.add %x, %x : !t
  return %0 : !t
}
