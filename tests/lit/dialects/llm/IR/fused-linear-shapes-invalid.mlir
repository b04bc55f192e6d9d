// RUN: llmc-opt %s --split-input-file --verify-diagnostics

func.func @linear(%x: tensor<?x64xf32>, %a: tensor<32x32xf16>) {
  // expected-error @+1 {{weight 'tensor<32x32xf16>' takes rows of 32, the input has 64}}
  %y = llm.fused_linear %x weights(%a)
      : (tensor<?x64xf32>, tensor<32x32xf16>) -> tensor<?x32xf32>
  return
}

// -----
func.func @linear(%x: tensor<?x64xf32>, %a: tensor<32x64x!llm.block<q6_K>>) {
  // expected-error @+1 {{rows of 64 weights are no multiple of the 256 weights in a block of q6_K}}
  %y = llm.fused_linear %x weights(%a)
      : (tensor<?x64xf32>, tensor<32x64x!llm.block<q6_K>>) -> tensor<?x32xf32>
  return
}

// -----
!m = tensor<32x64xf16>
func.func @linear(%x: tensor<?x64xf32>, %a: !m, %b: !m, %c: tensor<64xf32>) {
  // expected-error @+1 {{bias of weight 1 must have 32 elements}}
  %y:2 = llm.fused_linear %x weights(%a, %b) biases(%c) {biased = array<i1: false, true>}
      : (tensor<?x64xf32>, !m, !m, tensor<64xf32>) -> (tensor<?x32xf32>, tensor<?x32xf32>)
  return
}

// -----
!m = tensor<32x64xf16>
func.func @linear(%x: tensor<?x64xf32>, %a: !m, %b: !m) {
  // expected-error @+1 {{result has 64 columns, expected 32}}
  %y:2 = llm.fused_linear %x weights(%a, %b)
      : (tensor<?x64xf32>, !m, !m) -> (tensor<?x32xf32>, tensor<?x64xf32>)
  return
}

// -----
!m = tensor<32x64xf16>
func.func @linear(%x: tensor<?x64xf32>, %a: !m, %b: !m) {
  // expected-error @+1 {{result has 16 columns, expected 32}}
  %y = llm.fused_linear %x weights(%a, %b) {activation = #llm.activation<swiglu>}
      : (tensor<?x64xf32>, !m, !m) -> tensor<?x16xf32>
  return
}

// -----
!m = tensor<32x64xf16>
func.func @linear(%x: tensor<?x64xf32>, %a: !m, %r: tensor<?x64xf32>) {
  // expected-error @+1 {{residual has 64 columns, expected 32}}
  %y = llm.fused_linear %x weights(%a) residual(%r)
      : (tensor<?x64xf32>, !m, tensor<?x64xf32>) -> tensor<?x32xf32>
  return
}
