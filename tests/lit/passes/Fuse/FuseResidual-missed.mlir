// RUN: %opt %s --llm-fuse-residual | FileCheck %s
// RUN: %remarks %s --llm-fuse-residual

!t = tensor<?x64xf32>
!w = tensor<64x64xf16>

// CHECK-LABEL: func.func @uses(
func.func @uses(%x: !t, %w: !w) -> (!t, !t) {
  // CHECK: llm.add
  %0 = llm.fused_linear %x weights(%w) : (!t, !w) -> !t
  // expected-remark @+1 {{[Missed] llm-fuse-residual | Category:fuse | Function=uses | Reason="product has 2 uses"}}
  %1 = llm.add %x, %0 : !t
  return %0, %1 : !t, !t
}

// A product added to itself has two uses.
// CHECK-LABEL: func.func @itself(
func.func @itself(%x: !t, %w: !w) -> !t {
  // CHECK: llm.add
  %0 = llm.fused_linear %x weights(%w) : (!t, !w) -> !t
  // expected-remark @+1 {{Function=itself | Reason="product has 2 uses"}}
  %1 = llm.add %0, %0 : !t
  return %1 : !t
}

// CHECK-LABEL: func.func @products(
func.func @products(%x: !t, %w: !w) -> !t {
  // CHECK: llm.add
  %0:2 = llm.fused_linear %x weights(%w, %w) : (!t, !w, !w) -> (!t, !t)
  // expected-remark @+1 {{Function=products | Reason="both addends are the linear's"}}
  %1 = llm.add %0#0, %0#1 : !t
  return %1 : !t
}

// CHECK-LABEL: func.func @second(
func.func @second(%x: !t, %w: !w) -> (!t, !t) {
  // CHECK: llm.add
  %0:2 = llm.fused_linear %x weights(%w, %w) : (!t, !w, !w) -> (!t, !t)
  // expected-remark @+1 {{Function=second | Reason="product is not its linear's first"}}
  %1 = llm.add %x, %0#1 : !t
  return %0#0, %1 : !t, !t
}

// The linear would have to move behind what uses its second product.
// CHECK-LABEL: func.func @used_before(
func.func @used_before(%x: !t, %w: !w) -> (!t, !t) {
  // CHECK: llm.add
  %0:2 = llm.fused_linear %x weights(%w, %w) : (!t, !w, !w) -> (!t, !t)
  %s = llm.silu %0#1 : !t
  // expected-remark @+1 {{Function=used_before | Reason="another product is used before the sum"}}
  %1 = llm.add %x, %0#0 : !t
  return %s, %1 : !t, !t
}

// CHECK-LABEL: func.func @activation(
func.func @activation(%x: !t, %w: !w) -> !t {
  // CHECK: llm.add
  %0 = llm.fused_linear %x weights(%w, %w) {activation = #llm.activation<swiglu>} : (!t, !w, !w) -> !t
  // expected-remark @+1 {{Function=activation | Reason="linear has an activation"}}
  %1 = llm.add %0, %x : !t
  return %1 : !t
}

// CHECK-LABEL: func.func @residual(
func.func @residual(%x: !t, %w: !w) -> !t {
  // CHECK: llm.add
  %0 = llm.fused_linear %x weights(%w) residual(%x) : (!t, !w, !t) -> !t
  // expected-remark @+1 {{Function=residual | Reason="linear has a residual already"}}
  %1 = llm.add %0, %x : !t
  return %1 : !t
}

// CHECK-LABEL: func.func @block(
func.func @block(%x: !t, %w: !w, %c: i1) -> !t {
  // CHECK: llm.fused_linear
  // CHECK: llm.add
  %0 = llm.fused_linear %x weights(%w) : (!t, !w) -> !t
  %1 = scf.if %c -> !t {
    // expected-remark @+1 {{Function=block | Reason="linear is in another block"}}
    %2 = llm.add %0, %x : !t
    scf.yield %2 : !t
  } else {
    scf.yield %x : !t
  }
  return %1 : !t
}
