// RUN: %opt %s --llm-fuse-norm | FileCheck %s
// RUN: %remarks %s --llm-fuse-norm

!t = tensor<?x64xf32>
!w = tensor<64x64xf16>
!v = tensor<64xf32>

// CHECK-LABEL: func.func @fused(
// CHECK-SAME: %[[X:.*]]: tensor<?x64xf32>, %[[N:.*]]: tensor<64xf32>, %[[W:.*]]: tensor<64x64xf16>)
func.func @fused(%x: !t, %n: !v, %w: !w) -> (!t, !t) {
  // CHECK-NEXT: llm.fused_linear %[[X]] norm(%[[N]]) weights(%[[W]], %[[W]])
  // CHECK-SAME: {eps = 9.99999974E-6 : f32} : (tensor<?x64xf32>, tensor<64xf32>, tensor<64x64xf16>, tensor<64x64xf16>
  // CHECK-NEXT: return
  // expected-remark @+1 {{[Passed] llm-fuse-norm | Category:fuse | Function=fused | Remark="norm into linear"}}
  %0 = llm.rms_norm %x, %n eps 1.0e-05 : !t, !v
  %1:2 = llm.fused_linear %0 weights(%w, %w) : (!t, !w, !w) -> (!t, !t)
  return %1#0, %1#1 : !t, !t
}

// CHECK-LABEL: func.func @missed_uses(
func.func @missed_uses(%x: !t, %n: !v, %w: !w) -> (!t, !t) {
  // CHECK-NEXT: %[[Y:.*]] = llm.rms_norm
  // CHECK-NEXT: llm.fused_linear %[[Y]] weights
  // expected-remark @+1 {{[Missed] llm-fuse-norm | Category:fuse | Function=missed_uses | Reason="norm has 2 uses"}}
  %0 = llm.rms_norm %x, %n eps 1.0e-05 : !t, !v
  %1 = llm.fused_linear %0 weights(%w) : (!t, !w) -> !t
  return %0, %1 : !t, !t
}

// CHECK-LABEL: func.func @missed_user(
func.func @missed_user(%x: !t, %n: !v) -> !t {
  // CHECK-NEXT: llm.rms_norm
  // expected-remark @+1 {{[Missed] llm-fuse-norm | Category:fuse | Function=missed_user | Reason="norm is used by llm.silu"}}
  %0 = llm.rms_norm %x, %n eps 1.0e-05 : !t, !v
  %1 = llm.silu %0 : !t
  return %1 : !t
}

// CHECK-LABEL: func.func @missed_residual(
func.func @missed_residual(%x: !t, %n: !v, %w: !w) -> !t {
  // CHECK-NEXT: llm.rms_norm
  // expected-remark @+1 {{Reason="norm is the linear's residual"}}
  %0 = llm.rms_norm %x, %n eps 1.0e-05 : !t, !v
  %1 = llm.fused_linear %x weights(%w) residual(%0) : (!t, !w, !t) -> !t
  return %1 : !t
}

// Of two norms in a row the linear takes the last.
// CHECK-LABEL: func.func @missed_norm(
func.func @missed_norm(%x: !t, %n: !v, %w: !w) -> !t {
  // CHECK-NEXT: %[[Y:.*]] = llm.rms_norm
  // CHECK-NEXT: llm.fused_linear %[[Y]] norm
  // CHECK-NEXT: return
  // expected-remark @+1 {{Reason="linear has a norm already"}}
  %0 = llm.rms_norm %x, %n eps 1.0e-05 : !t, !v
  %1 = llm.fused_linear %0 norm(%n) weights(%w) {eps = 1.0 : f32} : (!t, !v, !w) -> !t
  return %1 : !t
}

// CHECK-LABEL: func.func @missed_block(
func.func @missed_block(%x: !t, %n: !v, %w: !w, %count: index) -> !t {
  // CHECK-NEXT: constant
  // CHECK-NEXT: constant
  // CHECK-NEXT: llm.rms_norm
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  // expected-remark @+1 {{Reason="linear is in another block"}}
  %0 = llm.rms_norm %x, %n eps 1.0e-05 : !t, !v
  %1 = scf.for %i = %c0 to %count step %c1 iter_args(%h = %x) -> !t {
    %2 = llm.fused_linear %0 weights(%w) residual(%h) : (!t, !w, !t) -> !t
    scf.yield %2 : !t
  }
  return %1 : !t
}

// CHECK-LABEL: func.func @missed_heads(
func.func @missed_heads(%x: !t, %n: tensor<16xf32>, %w: !w) -> !t {
  // CHECK-NEXT: llm.rms_norm
  // CHECK-NEXT: llm.fused_linear %{{.*}} weights
  // expected-remark @+1 {{Reason="norm is of heads, not of rows"}}
  %0 = llm.rms_norm %x, %n eps 1.0e-05 : !t, tensor<16xf32>
  %1 = llm.fused_linear %0 weights(%w) : (!t, !w) -> !t
  return %1 : !t
}
