// RUN: %opt %s --llm-fuse-activation | FileCheck %s
// RUN: %remarks %s --llm-fuse-activation

!t = tensor<?x64xf32>
!g = tensor<64x64xf16>
!u = tensor<64x64x!llm.block<q4_0>>
!v = tensor<64xf32>

// CHECK-LABEL: func.func @fused(
// CHECK-SAME: %[[X:.*]]: tensor<?x64xf32>, %[[N:.*]]: tensor<64xf32>, %[[G:.*]]: tensor<64x64xf16>, %[[U:.*]]: tensor<64x64x!llm.block<q4_0>>)
func.func @fused(%x: !t, %n: !v, %g: !g, %u: !u) -> !t {
  // CHECK-NEXT: %[[Y:.*]] = llm.fused_linear %[[X]] norm(%[[N]]) weights(%[[G]], %[[U]])
  // CHECK-SAME: {activation = #llm.activation<swiglu>, eps = 1.000000e+00 : f32}
  // CHECK-NEXT: return %[[Y]]
  %0:2 = llm.fused_linear %x norm(%n) weights(%g, %u) {eps = 1.0 : f32} : (!t, !v, !g, !u) -> (!t, !t)
  // expected-remark @+1 {{[Passed] llm-fuse-activation | Category:fuse | Function=fused | Remark="swiglu into linear"}}
  %1 = llm.swiglu %0#0, %0#1 : !t
  return %1 : !t
}

// CHECK-LABEL: func.func @swapped(
// CHECK-SAME: %[[X:.*]]: tensor<?x64xf32>, %[[G:.*]]: tensor<64x64xf16>, %[[U:.*]]: tensor<64x64x!llm.block<q4_0>>,
// CHECK-SAME: %[[A:.*]]: tensor<64xf32>, %[[B:.*]]: tensor<64xf32>)
func.func @swapped(%x: !t, %g: !g, %u: !u, %a: !v, %b: !v) -> (!t, !t, !t) {
  // CHECK-NEXT: llm.fused_linear %[[X]] weights(%[[G]], %[[U]]) {activation = #llm.activation<swiglu>}
  // CHECK-NEXT: llm.fused_linear %[[X]] weights(%[[G]], %[[U]]) biases(%[[B]]) {activation = #llm.activation<swiglu>, biased = array<i1: false, true>}
  // CHECK-NEXT: llm.fused_linear %[[X]] weights(%[[G]], %[[U]]) biases(%[[A]], %[[B]]) {activation = #llm.activation<swiglu>, biased = array<i1: true, true>}
  // CHECK-NEXT: return
  %0:2 = llm.fused_linear %x weights(%u, %g) : (!t, !u, !g) -> (!t, !t)
  // expected-remark @+1 {{[Passed] llm-fuse-activation}}
  %1 = llm.swiglu %0#1, %0#0 : !t
  %2:2 = llm.fused_linear %x weights(%u, %g) biases(%b) {biased = array<i1: true, false>}
      : (!t, !u, !g, !v) -> (!t, !t)
  // expected-remark @+1 {{[Passed] llm-fuse-activation}}
  %3 = llm.swiglu %2#1, %2#0 : !t
  %4:2 = llm.fused_linear %x weights(%u, %g) biases(%b, %a) {biased = array<i1: true, true>}
      : (!t, !u, !g, !v, !v) -> (!t, !t)
  // expected-remark @+1 {{[Passed] llm-fuse-activation}}
  %5 = llm.swiglu %4#1, %4#0 : !t
  return %1, %3, %5 : !t, !t, !t
}

// CHECK-LABEL: func.func @missed_up(
func.func @missed_up(%x: !t, %g: !g) -> !t {
  // CHECK: llm.swiglu
  %0 = llm.fused_linear %x weights(%g) : (!t, !g) -> !t
  // expected-remark @+1 {{[Missed] llm-fuse-activation | Category:fuse | Function=missed_up | Reason="up is no product of a linear"}}
  %1 = llm.swiglu %0, %x : !t
  return %1 : !t
}

// CHECK-LABEL: func.func @missed_gate(
func.func @missed_gate(%x: !t, %g: !g) -> !t {
  // CHECK: llm.swiglu
  %0 = llm.fused_linear %x weights(%g) : (!t, !g) -> !t
  // expected-remark @+1 {{Function=missed_gate | Reason="gate is no product of a linear"}}
  %1 = llm.swiglu %x, %0 : !t
  return %1 : !t
}

// A swiglu of no product is no candidate.
// CHECK-LABEL: func.func @no_candidate(
func.func @no_candidate(%x: !t) -> !t {
  // CHECK-NEXT: llm.swiglu
  %0 = llm.swiglu %x, %x : !t
  return %0 : !t
}

// CHECK-LABEL: func.func @geglu(
func.func @geglu(%x: !t, %g: !g, %u: !u) -> !t {
  // CHECK-NEXT: llm.fused_linear %arg0 weights(%arg1, %arg2) {activation = #llm.activation<geglu>}
  // CHECK-NEXT: return
  %0:2 = llm.fused_linear %x weights(%g, %u) : (!t, !g, !u) -> (!t, !t)
  // expected-remark @+1 {{Remark="geglu into linear"}}
  %1 = llm.geglu %0#0, %0#1 : !t
  return %1 : !t
}

// CHECK-LABEL: func.func @gelu(
func.func @gelu(%x: !t, %n: !v, %g: !g) -> !t {
  // CHECK-NEXT: llm.fused_linear %arg0 norm(%arg1) weights(%arg2) biases(%arg1) {activation = #llm.activation<gelu>, biased = array<i1: true>, eps = 1.000000e+00 : f32}
  // CHECK-NEXT: return
  %0 = llm.fused_linear %x norm(%n) weights(%g) biases(%n) {biased = array<i1: true>, eps = 1.0 : f32} : (!t, !v, !g, !v) -> !t
  // expected-remark @+1 {{Remark="gelu into linear"}}
  %1 = llm.gelu %0 : !t
  return %1 : !t
}
