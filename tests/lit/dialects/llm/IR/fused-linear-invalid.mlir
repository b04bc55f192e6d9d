// RUN: llmc-opt %s --split-input-file --verify-diagnostics

func.func @linear(%x: tensor<?x64xf32>) {
  // expected-error @+1 {{needs at least one weight}}
  %y = llm.fused_linear %x weights()
      : (tensor<?x64xf32>) -> tensor<?x32xf32>
  return
}

// -----
!m = tensor<32x64xf16>
func.func @linear(%x: tensor<?x64xf32>, %a: !m, %c: tensor<32xf32>) {
  // expected-error @+1 {{'biased' must say which weights have a bias}}
  %y = llm.fused_linear %x weights(%a) biases(%c)
      : (tensor<?x64xf32>, !m, tensor<32xf32>) -> tensor<?x32xf32>
  return
}

// -----
!m = tensor<32x64xf16>
func.func @linear(%x: tensor<?x64xf32>, %a: !m) {
  // expected-error @+1 {{'biased' must say which weights have a bias}}
  %y = llm.fused_linear %x weights(%a) {biased = array<i1: true>}
      : (tensor<?x64xf32>, !m) -> tensor<?x32xf32>
  return
}

// -----
!m = tensor<32x64xf16>
func.func @linear(%x: tensor<?x64xf32>, %a: !m) {
  // expected-error @+1 {{'biased' must say which weights have a bias}}
  %y = llm.fused_linear %x weights(%a) {biased = array<i1: false, false>}
      : (tensor<?x64xf32>, !m) -> tensor<?x32xf32>
  return
}

// -----
!m = tensor<32x64xf16>
func.func @linear(%x: tensor<?x64xf32>, %n: tensor<32xf32>, %a: !m) {
  // expected-error @+1 {{norm has 32 elements, expected 64}}
  %y = llm.fused_linear %x norm(%n) weights(%a)
      : (tensor<?x64xf32>, tensor<32xf32>, !m) -> tensor<?x32xf32>
  return
}

// -----
!m = tensor<32x64xf16>
func.func @linear(%x: tensor<?x64xf32>, %a: !m) {
  // expected-error @+1 {{swiglu takes two weights, gate and up}}
  %y = llm.fused_linear %x weights(%a) {activation = #llm.activation<swiglu>}
      : (tensor<?x64xf32>, !m) -> tensor<?x32xf32>
  return
}

// -----
!m = tensor<32x64xf16>
func.func @linear(%x: tensor<?x64xf32>, %a: !m, %b: !m, %r: tensor<?x32xf32>) {
  // expected-error @+1 {{takes a residual or an activation, not both}}
  %y = llm.fused_linear %x weights(%a, %b) residual(%r) {activation = #llm.activation<swiglu>}
      : (tensor<?x64xf32>, !m, !m, tensor<?x32xf32>) -> tensor<?x32xf32>
  return
}

// -----
!m = tensor<32x64xf16>
func.func @linear(%x: tensor<?x64xf32>, %a: !m, %b: !m) {
  // expected-error @+1 {{has 1 results for 2 weights}}
  %y = llm.fused_linear %x weights(%a, %b)
      : (tensor<?x64xf32>, !m, !m) -> tensor<?x32xf32>
  return
}

// -----
!m = tensor<32x64xf16>
func.func @linear(%x: tensor<?x64xf32>, %a: !m, %b: !m) {
  // expected-error @+1 {{has 2 results for 2 weights}}
  %y:2 = llm.fused_linear %x weights(%a, %b) {activation = #llm.activation<swiglu>}
      : (tensor<?x64xf32>, !m, !m) -> (tensor<?x32xf32>, tensor<?x32xf32>)
  return
}
