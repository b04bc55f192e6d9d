// RUN: llmc-opt %s --split-input-file --verify-diagnostics

func.func @embed(%t: tensor<?xi32>, %w: tensor<10x40x!llm.block<q4_0>>) {
  // expected-error @+1 {{rows of 40 weights are no multiple of the 32 weights in a block of q4_0}}
  %h = llm.embed %t, %w : tensor<?xi32>, tensor<10x40x!llm.block<q4_0>> -> tensor<?x40xf32>
  return
}

// -----
func.func @embed(%t: tensor<?xi32>, %w: tensor<10x40xf16>) {
  // expected-error @+1 {{result has 10 columns, expected 40}}
  %h = llm.embed %t, %w : tensor<?xi32>, tensor<10x40xf16> -> tensor<?x10xf32>
  return
}

// -----
func.func @norm(%x: tensor<?x64xf32>, %w: tensor<64xf32>) {
  // expected-error @+1 {{eps must not be negative}}
  %y = llm.rms_norm %x, %w eps -1.0e-05 : tensor<?x64xf32>, tensor<64xf32>
  return
}

// -----
func.func @norm(%x: tensor<?x64xf32>, %w: tensor<24xf32>) {
  // expected-error @+1 {{input has 64 columns, expected 24 or a multiple of it}}
  %y = llm.rms_norm %x, %w eps 1.0e-05 : tensor<?x64xf32>, tensor<24xf32>
  return
}

// -----
func.func @linear(%x: tensor<?x64xf32>, %w: tensor<64x32xf16>) {
  // expected-error @+1 {{weight 'tensor<64x32xf16>' takes rows of 32, the input has 64}}
  %y = llm.linear %x, %w : tensor<?x64xf32>, tensor<64x32xf16> -> tensor<?x32xf32>
  return
}

// -----
func.func @linear(%x: tensor<?x64xf32>, %w: tensor<2x64x!llm.block<q4_K>>) {
  // expected-error @+1 {{rows of 64 weights are no multiple of the 256 weights in a block of q4_K}}
  %y = llm.linear %x, %w : tensor<?x64xf32>, tensor<2x64x!llm.block<q4_K>> -> tensor<?x2xf32>
  return
}

// -----
func.func @linear(%x: tensor<?x64xf32>, %w: tensor<32x64xf16>, %b: tensor<64xf32>) {
  // expected-error @+1 {{bias has 64 elements, expected 32}}
  %y = llm.linear %x, %w bias %b : tensor<64xf32> : tensor<?x64xf32>, tensor<32x64xf16> -> tensor<?x32xf32>
  return
}

// -----
func.func @linear(%x: tensor<?x64xf32>, %w: tensor<32x64xf16>) {
  // expected-error @+1 {{result has 64 columns, expected 32}}
  %y = llm.linear %x, %w : tensor<?x64xf32>, tensor<32x64xf16> -> tensor<?x64xf32>
  return
}

// -----
func.func @add(%a: tensor<?x64xf32>, %b: tensor<?x32xf32>) {
  // expected-error @+1 {{requires the same type for all operands and results}}
  %y = "llm.add"(%a, %b) : (tensor<?x64xf32>, tensor<?x32xf32>) -> tensor<?x64xf32>
  return
}

// -----
func.func @swiglu(%a: tensor<?x64xf32>, %b: tensor<?x32xf32>) {
  // expected-error @+1 {{requires the same type for all operands and results}}
  %y = "llm.swiglu"(%a, %b) : (tensor<?x64xf32>, tensor<?x32xf32>) -> tensor<?x64xf32>
  return
}

// -----
func.func @layer_norm(%x: tensor<?x64xf32>, %w: tensor<16xf32>) {
  // expected-error @+1 {{input has 64 columns, expected 16}}
  %y = llm.layer_norm %x, %w, %w eps 1.0e-05 : tensor<?x64xf32>, tensor<16xf32>
  return
}

// -----
func.func @softcap(%x: tensor<?x64xf32>) {
  // expected-error @+1 {{cap must be positive}}
  %y = llm.softcap %x to 0.0 : tensor<?x64xf32>
  return
}
