// RUN: %opt %s --llm-fuse-shared-input | FileCheck %s
// RUN: %remarks %s --llm-fuse-shared-input

!t = tensor<?x64xf32>
!k = tensor<?x32xf32>
!wq = tensor<64x64xf16>
!wk = tensor<32x64x!llm.block<q4_0>>

// Weights stand in program order, whatever stands between.
// CHECK-LABEL: func.func @fused(
// CHECK-SAME: %[[X:.*]]: tensor<?x64xf32>, %[[Q:.*]]: tensor<64x64xf16>, %[[K:.*]]: tensor<32x64x!llm.block<q4_0>>, %[[B:.*]]: tensor<32xf32>)
func.func @fused(%x: !t, %q: !wq, %k: !wk, %b: tensor<32xf32>) -> (!k, !t, !k) {
  // CHECK-NEXT: %[[P:.*]]:3 = llm.fused_linear %[[X]] weights(%[[K]], %[[Q]], %[[K]]) biases(%[[B]]) {biased = array<i1: false, false, true>}
  // CHECK-SAME: -> (tensor<?x32xf32>, tensor<?x64xf32>, tensor<?x32xf32>)
  // CHECK-NEXT: %[[S:.*]] = llm.silu %[[P]]#0
  // CHECK-NEXT: return %[[S]], %[[P]]#1, %[[P]]#2
  // expected-remark @+1 {{[Passed] llm-fuse-shared-input | Category:fuse | Function=fused | Remark="3 linears share their input"}}
  %0 = llm.linear %x, %k : !t, !wk -> !k
  %s = llm.silu %0 : !k
  %1 = llm.linear %x, %q : !t, !wq -> !t
  %2 = llm.linear %x, %k bias %b : tensor<32xf32> : !t, !wk -> !k
  return %s, %1, %2 : !k, !t, !k
}

// A linear whose input is another's product stays apart, and one alone is no candidate.
// CHECK-LABEL: func.func @alone(
// CHECK-SAME: %[[X:.*]]: tensor<?x64xf32>, %[[Q:.*]]: tensor<64x64xf16>, %[[B:.*]]: tensor<64xf32>)
func.func @alone(%x: !t, %q: !wq, %b: tensor<64xf32>) -> !t {
  // CHECK-NEXT: %[[P:.*]] = llm.fused_linear %[[X]] weights(%[[Q]]) :
  // CHECK-NEXT: llm.fused_linear %[[P]] weights(%[[Q]]) biases(%[[B]]) {biased = array<i1: true>}
  // CHECK-NEXT: return
  %0 = llm.linear %x, %q : !t, !wq -> !t
  %1 = llm.linear %0, %q bias %b : tensor<64xf32> : !t, !wq -> !t
  return %1 : !t
}

llm.weight @wq : !wq from "wq"

// CHECK-LABEL: func.func @moves_get_weight(
func.func @moves_get_weight(%x: !t, %k: !wk) -> (!k, !t) {
  // CHECK-NEXT: %[[Q:.*]] = llm.get_weight @wq
  // CHECK-NEXT: llm.fused_linear %{{.*}} weights(%{{.*}}, %[[Q]])
  // CHECK-NEXT: return
  // expected-remark @+1 {{Remark="2 linears share their input"}}
  %0 = llm.linear %x, %k : !t, !wk -> !k
  %q = llm.get_weight @wq : !wq
  %1 = llm.linear %x, %q : !t, !wq -> !t
  return %0, %1 : !k, !t
}

func.func private @late(!k) -> !wq

// The layer that cannot join begins a group, which others join.
// CHECK-LABEL: func.func @missed_dominance(
// CHECK-SAME: %[[X:.*]]: tensor<?x64xf32>, %[[K:.*]]: tensor<32x64x!llm.block<q4_0>>)
func.func @missed_dominance(%x: !t, %k: !wk) -> (!k, !t, !k) {
  // CHECK-NEXT: llm.fused_linear %[[X]] weights(%[[K]])
  // CHECK-NEXT: %[[Q:.*]] = call @late
  // CHECK-NEXT: llm.fused_linear %[[X]] weights(%[[Q]], %[[K]])
  // CHECK-NEXT: return
  %0 = llm.linear %x, %k : !t, !wk -> !k
  %q = call @late(%0) : (!k) -> !wq
  // expected-remark @+2 {{[Missed] llm-fuse-shared-input | Category:fuse | Function=missed_dominance | Reason="a weight or bias is computed after the first linear of its input"}}
  // expected-remark @+1 {{[Passed] llm-fuse-shared-input | Category:fuse | Function=missed_dominance | Remark="2 linears share their input"}}
  %1 = llm.linear %x, %q : !t, !wq -> !t
  %2 = llm.linear %x, %k : !t, !wk -> !k
  return %0, %1, %2 : !k, !t, !k
}

// Each block of operations has its own groups.
// CHECK-LABEL: func.func @blocks(
func.func @blocks(%x: !t, %k: !wk, %c: i1) -> !k {
  // CHECK-NEXT: %[[P:.*]] = llm.fused_linear
  // CHECK-NEXT: scf.if
  // CHECK-NEXT: llm.fused_linear
  %0 = llm.linear %x, %k : !t, !wk -> !k
  %1 = scf.if %c -> !k {
    %2 = llm.linear %x, %k : !t, !wk -> !k
    scf.yield %2 : !k
  } else {
    scf.yield %0 : !k
  }
  return %1 : !k
}
