// RUN: llmc-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{a parameter is a matrix or vector of f32 of known shape, not 'tensor<8x64xf16>'}}
llm.parameter @a : tensor<8x64xf16> from "a"

// -----
// expected-error @+1 {{a parameter is a matrix or vector of f32 of known shape, not 'tensor<2x8x64xf32>'}}
llm.parameter @a : tensor<2x8x64xf32> from "a"

// -----
// expected-error @+1 {{a parameter lies row after row, or is a packed matrix, not 'tensor<64xf32, #llm.packed<rows = 16>>'}}
llm.parameter @a : tensor<64xf32, #llm.packed<rows = 16>> from "a"

// -----
// expected-error @+1 {{the first row must not be negative}}
llm.parameter @a : tensor<64xf32> from "a" row -1

// -----
func.func @f(%x: tensor<?x8xf32>) {
  // expected-error @+1 {{has rows of 8 columns, but a vector of 4}}
  %0 = llm.sum_rows %x : tensor<?x8xf32> -> tensor<4xf32>
  return
}

// -----
func.func @f(%x: tensor<?x8xf32>) {
  // expected-error @+1 {{input has 8 columns, expected 3 or a multiple of it}}
  %0 = llm.rms_norm_weight_adjoint %x, %x eps 1.0 : tensor<?x8xf32> -> tensor<3xf32>
  return
}

// -----
// expected-error @+1 {{'layers' needs '{layer}' in the source}}
llm.parameter @a : tensor<8x64xf32> from "a" layers [0]

// -----
llm.parameter @a : tensor<8x64xf32> from "a.{layer}" layers [0]
func.func @f() {
  // expected-error @+1 {{@a is a family of matrices, for llm.layers only}}
  %0 = llm.get_parameter @a : tensor<8x64xf32>
  return
}

// -----
func.func @f() {
  // expected-error @+1 {{no parameter named @a}}
  %0 = llm.get_parameter @a : tensor<8x64xf32>
  return
}

// -----
llm.parameter @a : tensor<8x64xf32> from "a"
func.func @f() {
  // expected-error @+1 {{parameter @a has type 'tensor<8x64xf32>'}}
  %0 = llm.get_parameter @a : tensor<8x65xf32>
  return
}

// -----
llm.parameter @a : tensor<8x64xf32> from "a.{layer}" layers [0]
func.func @f(%g: tensor<8x64xf32>) {
  // expected-error @+1 {{needs a layer, because @a is a family of matrices}}
  llm.accumulate_gradient %g into @a : tensor<8x64xf32>
  return
}

// -----
llm.parameter @a : tensor<8x64xf32> from "a"
func.func @f(%g: tensor<8x64xf32>, %layer: index) {
  // expected-error @+1 {{has a layer, but @a is no family}}
  llm.accumulate_gradient %g into @a[%layer] : tensor<8x64xf32>
  return
}

// -----
func.func @f(%x: tensor<?x64xf32>, %a: tensor<8x64xf32>) {
  // expected-error @+1 {{input has 64 columns, expected 8}}
  %u = llm.matmul %x, %a : tensor<?x64xf32>, tensor<8x64xf32> -> tensor<?x8xf32>
  return
}

// -----
func.func @f(%x: tensor<?x64xf32>, %a: tensor<8x64xf32>) {
  // expected-error @+1 {{result has 9 columns, expected 8}}
  %u = llm.matmul %x, %a transposed : tensor<?x64xf32>, tensor<8x64xf32> -> tensor<?x9xf32>
  return
}

// -----
func.func @f(%x: tensor<?x64xf32>, %a: tensor<8x64xf32>) {
  // expected-error @+1 {{addend has 64 columns, expected 8}}
  %u = llm.matmul %x, %a transposed plus %x : tensor<?x64xf32> : tensor<?x64xf32>, tensor<8x64xf32> -> tensor<?x8xf32>
  return
}

// -----
func.func @f(%x: tensor<?x64xf32>, %w: tensor<64x8xf16>) {
  // expected-error @+1 {{result has 64 columns, expected 8}}
  %u = llm.linear_transposed %x, %w : tensor<?x64xf32>, tensor<64x8xf16> -> tensor<?x64xf32>
  return
}

// -----
func.func @f(%x: tensor<?x64xf32>, %u: tensor<?x8xf32>) {
  // expected-error @+1 {{result is 'tensor<64x8xf32>', expected 8 rows of 64}}
  %g = llm.outer %u, %x : tensor<?x8xf32>, tensor<?x64xf32> -> tensor<64x8xf32>
  return
}

// -----
func.func @f(%x: tensor<?x64xf32>, %s: index) {
  // expected-error @+1 {{rate must be at least 0 and below 1}}
  %y = llm.dropout %x seed %s layer %s site 0 rate 1.0 : tensor<?x64xf32>
  return
}

// -----
func.func @f(%x: tensor<?x64xf32>, %s: index) {
  // expected-error @+1 {{rate must be at least 0 and below 1}}
  %y = llm.dropout %x seed %s layer %s site 0 rate 0x7FC00000 : tensor<?x64xf32>
  return
}

// -----
func.func @f(%x: tensor<?x64xf32>, %s: index) {
  // expected-error @+1 {{amplitude must be a finite number of at least 0}}
  %y = llm.noise %x seed %s site 0 amplitude -1.0 : tensor<?x64xf32>
  return
}

// -----
func.func @f(%x: tensor<?x64xf32>, %s: index) {
  // expected-error @+1 {{amplitude must be a finite number of at least 0}}
  %y = llm.noise %x seed %s site 0 amplitude 0x7F800000 : tensor<?x64xf32>
  return
}

// -----
func.func @f(%q: tensor<?x64xf32>, %k: tensor<?x32xf32>) {
  // expected-error @+1 {{4 heads cannot share 3 key/value heads}}
  %y, %l = llm.causal_attention %q, %k, %k heads 4 kv_heads 3 sequence 7 scale 0.25
      : (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>) -> (tensor<?x64xf32>, tensor<?x4xf32>)
  return
}

// -----
func.func @f(%q: tensor<?x64xf32>, %k: tensor<?x32xf32>) {
  // expected-error @+1 {{keys has 32 columns, expected 16}}
  %y, %l = llm.causal_attention %q, %k, %k heads 4 kv_heads 1 sequence 7 scale 0.25
      : (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>) -> (tensor<?x64xf32>, tensor<?x4xf32>)
  return
}

// -----
func.func @f(%q: tensor<?x64xf32>, %k: tensor<?x32xf32>) {
  // expected-error @+1 {{sequence must be from 1 to 2147483648, not 0}}
  %y, %l = llm.causal_attention %q, %k, %k heads 4 kv_heads 2 sequence 0 scale 0.25
      : (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>) -> (tensor<?x64xf32>, tensor<?x4xf32>)
  return
}

// -----
func.func @f(%q: tensor<?x64xf32>, %k: tensor<?x32xf32>, %l: tensor<?x4xf32>) {
  // expected-error @+1 {{derivatives have the types of what they are by}}
  %dq, %dk, %dv = llm.causal_attention_adjoint %q, %q, %k, %k, %q, %l heads 4 kv_heads 2 sequence 7 scale 0.25
      : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x64xf32>, tensor<?x4xf32>)
      -> (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x32xf32>)
  return
}

// -----
func.func @f(%x: tensor<?x64xf32>, %w: tensor<128x64xf16>, %t: tensor<?xi32>) {
  // expected-error @+1 {{an adapter is two tensors, rows and a matrix}}
  %0, %1 = llm.linear_cross_entropy %x, %w, %t adapter(%x)
      : (tensor<?x64xf32>, tensor<128x64xf16>, tensor<?xi32>, tensor<?x64xf32>) -> (tensor<?x1xf32>, tensor<?x1xf32>)
  return
}

// -----
func.func @f(%x: tensor<?x64xf32>, %w: tensor<128x64xf16>, %t: tensor<?xi32>, %b: tensor<128x8xf32>) {
  // expected-error @+1 {{the adapter's matrix is 'tensor<128x8xf32>', expected 128 rows of 64}}
  %0, %1 = llm.linear_cross_entropy %x, %w, %t adapter(%x, %b)
      : (tensor<?x64xf32>, tensor<128x64xf16>, tensor<?xi32>, tensor<?x64xf32>, tensor<128x8xf32>) -> (tensor<?x1xf32>, tensor<?x1xf32>)
  return
}

// -----
func.func @f(%x: tensor<?x64xf32>, %t: tensor<?x16xf32>) {
  // expected-error @+1 {{heads of 24 do not divide 64 columns}}
  %0 = llm.rope_adjoint %x, %t head_dim 24 : tensor<?x64xf32>, tensor<?x16xf32>
  return
}

// -----
func.func @f(%x: tensor<?x64xf32>, %n: tensor<24xf32>) {
  // expected-error @+1 {{input has 64 columns, expected 24 or a multiple of it}}
  %0 = llm.rms_norm_adjoint %x, %x, %n eps 1.0e-05 : tensor<?x64xf32>, tensor<24xf32>
  return
}

// -----
func.func private @a(tensor<?x64xf32>, index) -> (tensor<?x64xf32>, tensor<?x8xf32>)
func.func @f(%h: tensor<?x64xf32>) {
  // expected-error @+1 {{must yield what its blocks save, for all layers of each}}
  %y, %s = llm.layers %h {blocks = [@a], weights = [[]], schedule = array<i32: 0, 0>}
      : (tensor<?x64xf32>) -> (tensor<?x64xf32>, tensor<3x?x8xf32>)
  return
}

// -----
func.func private @a(tensor<?x64xf32>, index, tensor<?x8xf32>) -> tensor<?x64xf32>
func.func @f(%h: tensor<?x64xf32>) {
  // expected-error @+1 {{must have what its blocks take as saved, for all layers of each}}
  %y = llm.layers_adjoint %h {blocks = [@a], weights = [[]], schedule = array<i32: 0, 0>} : (tensor<?x64xf32>) -> tensor<?x64xf32>
  return
}

// -----
func.func private @a(tensor<?x64xf32>, tensor<?x8xf32>, index) -> tensor<?x64xf32>
func.func @f(%h: tensor<?x64xf32>, %s: tensor<2x?x8xf32>) {
  // expected-error @+1 {{adjoint @a does not take the derivative, the layer, the shared operands}}
  %y = llm.layers_adjoint %h saved(%s) {blocks = [@a], weights = [[]], schedule = array<i32: 0, 0>}
      : (tensor<?x64xf32>, tensor<2x?x8xf32>) -> tensor<?x64xf32>
  return
}

// -----
func.func private @a(tensor<?x64xf32>, index) -> tensor<?x64xf32>
func.func @f(%h: tensor<?x64xf32>) {
  // expected-error @+1 {{first is layer 2 of 2}}
  %y = llm.layers_adjoint %h {blocks = [@a], weights = [[]], schedule = array<i32: 0, 0>, first = 2 : i64}
      : (tensor<?x64xf32>) -> tensor<?x64xf32>
  return
}
