// RUN: %opt %s --llm-fuse-gate | FileCheck %s
// RUN: %remarks %s --llm-fuse-gate

!t = tensor<?x64xf32>

// CHECK-LABEL: func.func @fused(
// CHECK-SAME: %[[G:.*]]: tensor<?x64xf32>, %[[U:.*]]: tensor<?x64xf32>)
func.func @fused(%g: !t, %u: !t) -> !t {
  // CHECK-NEXT: %[[Y:.*]] = llm.swiglu %[[G]], %[[U]] : tensor<?x64xf32>
  // CHECK-NEXT: return %[[Y]]
  %s = llm.silu %g : !t
  // expected-remark @+1 {{[Passed] llm-fuse-gate | Category:fuse | Function=fused | Remark="silu and product to swiglu"}}
  %y = llm.mul %s, %u : !t
  return %y : !t
}

// CHECK-LABEL: func.func @fused_other_order(
// CHECK-SAME: %[[G:.*]]: tensor<?x64xf32>, %[[U:.*]]: tensor<?x64xf32>)
func.func @fused_other_order(%g: !t, %u: !t) -> !t {
  // CHECK-NEXT: llm.swiglu %[[G]], %[[U]]
  // CHECK-NEXT: return
  %s = llm.silu %g : !t
  // expected-remark @+1 {{[Passed] llm-fuse-gate}}
  %y = llm.mul %u, %s : !t
  return %y : !t
}

// The silu with one use becomes the gate's.
// CHECK-LABEL: func.func @two_silus(
// CHECK-SAME: %[[A:.*]]: tensor<?x64xf32>, %[[B:.*]]: tensor<?x64xf32>)
func.func @two_silus(%a: !t, %b: !t) -> (!t, !t) {
  // CHECK-NEXT: %[[S:.*]] = llm.silu %[[A]]
  // CHECK-NEXT: llm.swiglu %[[B]], %[[S]]
  // CHECK-NEXT: return
  %s = llm.silu %a : !t
  %r = llm.silu %b : !t
  // expected-remark @+1 {{[Passed] llm-fuse-gate}}
  %y = llm.mul %s, %r : !t
  return %y, %s : !t, !t
}

// CHECK-LABEL: func.func @missed_uses(
func.func @missed_uses(%g: !t, %u: !t) -> (!t, !t) {
  // CHECK-NEXT: llm.silu
  // CHECK-NEXT: llm.mul
  %s = llm.silu %g : !t
  // expected-remark @+1 {{[Missed] llm-fuse-gate | Category:fuse | Function=missed_uses | Reason="silu has 2 uses"}}
  %y = llm.mul %s, %u : !t
  return %y, %s : !t, !t
}

// CHECK-LABEL: func.func @geglu(
// CHECK-SAME: %[[G:.*]]: tensor<?x64xf32>, %[[U:.*]]: tensor<?x64xf32>)
func.func @geglu(%g: !t, %u: !t) -> !t {
  // CHECK-NEXT: %[[Y:.*]] = llm.geglu %[[G]], %[[U]] : tensor<?x64xf32>
  // CHECK-NEXT: return %[[Y]]
  %s = llm.gelu %g : !t
  // expected-remark @+1 {{[Passed] llm-fuse-gate | Category:fuse | Function=geglu | Remark="gelu and product to geglu"}}
  %y = llm.mul %u, %s : !t
  return %y : !t
}

// Of two activations with one use each the left one is the gate's.
// CHECK-LABEL: func.func @gelu_and_silu(
// CHECK-SAME: %[[A:.*]]: tensor<?x64xf32>, %[[B:.*]]: tensor<?x64xf32>)
func.func @gelu_and_silu(%a: !t, %b: !t) -> !t {
  // CHECK-NEXT: %[[S:.*]] = llm.silu %[[B]]
  // CHECK-NEXT: llm.geglu %[[A]], %[[S]]
  // CHECK-NEXT: return
  %r = llm.gelu %a : !t
  %s = llm.silu %b : !t
  // expected-remark @+1 {{[Passed] llm-fuse-gate}}
  %y = llm.mul %r, %s : !t
  return %y : !t
}

// CHECK-LABEL: func.func @missed_gelu_uses(
func.func @missed_gelu_uses(%g: !t) -> !t {
  // CHECK-NEXT: llm.gelu
  // CHECK-NEXT: llm.mul
  %s = llm.gelu %g : !t
  // expected-remark @+1 {{[Missed] llm-fuse-gate | Category:fuse | Function=missed_gelu_uses | Reason="gelu has 2 uses"}}
  %y = llm.mul %s, %s : !t
  return %y : !t
}

// A product without an activation is no candidate.
// CHECK-LABEL: func.func @no_candidate(
func.func @no_candidate(%g: !t, %u: !t) -> !t {
  // CHECK-NEXT: llm.mul
  %y = llm.mul %g, %u : !t
  return %y : !t
}
