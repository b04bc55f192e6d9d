// RUN: %opt %s --llm-fuse-activation | FileCheck %s
// RUN: %remarks %s --llm-fuse-activation

!t = tensor<?x64xf32>
!w = tensor<64x64xf16>

// CHECK-LABEL: func.func @two_linears(
func.func @two_linears(%x: !t, %w: !w) -> !t {
  // CHECK: llm.swiglu
  %0 = llm.fused_linear %x weights(%w) : (!t, !w) -> !t
  %1 = llm.fused_linear %x weights(%w) : (!t, !w) -> !t
  // expected-remark @+1 {{Reason="gate and up are products of two linears"}}
  %2 = llm.swiglu %0, %1 : !t
  return %2 : !t
}

// CHECK-LABEL: func.func @three_products(
func.func @three_products(%x: !t, %w: !w) -> (!t, !t) {
  // CHECK: llm.swiglu
  %0:3 = llm.fused_linear %x weights(%w, %w, %w) : (!t, !w, !w, !w) -> (!t, !t, !t)
  // expected-remark @+1 {{Reason="linear has 3 products"}}
  %1 = llm.swiglu %0#0, %0#1 : !t
  return %1, %0#2 : !t, !t
}

// CHECK-LABEL: func.func @one_product(
func.func @one_product(%x: !t, %w: !w) -> !t {
  // CHECK: llm.swiglu
  %0 = llm.fused_linear %x weights(%w) : (!t, !w) -> !t
  // expected-remark @+1 {{Reason="linear has 1 product"}}
  %1 = llm.swiglu %0, %0 : !t
  return %1 : !t
}

// CHECK-LABEL: func.func @same_product(
func.func @same_product(%x: !t, %w: !w) -> !t {
  // CHECK: llm.swiglu
  %0:2 = llm.fused_linear %x weights(%w, %w) : (!t, !w, !w) -> (!t, !t)
  // expected-remark @+1 {{Reason="gate and up are the same product"}}
  %1 = llm.swiglu %0#0, %0#0 : !t
  return %1 : !t
}

// CHECK-LABEL: func.func @gate_uses(
func.func @gate_uses(%x: !t, %w: !w) -> (!t, !t) {
  // CHECK: llm.swiglu
  %0:2 = llm.fused_linear %x weights(%w, %w) : (!t, !w, !w) -> (!t, !t)
  // expected-remark @+1 {{Reason="gate has 2 uses"}}
  %1 = llm.swiglu %0#0, %0#1 : !t
  return %1, %0#0 : !t, !t
}

// CHECK-LABEL: func.func @up_uses(
func.func @up_uses(%x: !t, %w: !w) -> (!t, !t, !t) {
  // CHECK: llm.swiglu
  %0:2 = llm.fused_linear %x weights(%w, %w) : (!t, !w, !w) -> (!t, !t)
  // expected-remark @+1 {{Reason="up has 3 uses"}}
  %1 = llm.swiglu %0#0, %0#1 : !t
  return %1, %0#1, %0#1 : !t, !t, !t
}

// CHECK-LABEL: func.func @gelu_of_residual(
func.func @gelu_of_residual(%x: !t, %r: !t, %w: !w) -> !t {
  // CHECK: llm.gelu
  %0 = llm.fused_linear %x weights(%w) residual(%r) : (!t, !w, !t) -> !t
  // expected-remark @+1 {{Reason="linear has a residual"}}
  %1 = llm.gelu %0 : !t
  return %1 : !t
}

// CHECK-LABEL: func.func @gelu_of_one_of_two(
func.func @gelu_of_one_of_two(%x: !t, %w: !w) -> (!t, !t) {
  // CHECK: llm.gelu
  %0:2 = llm.fused_linear %x weights(%w, %w) : (!t, !w, !w) -> (!t, !t)
  // expected-remark @+1 {{Reason="linear has 2 products"}}
  %1 = llm.gelu %0#0 : !t
  return %1, %0#1 : !t, !t
}
