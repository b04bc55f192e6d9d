// RUN: llmc-opt %s --split-input-file --verify-diagnostics --llm-mark-active

!t = tensor<?x64xf32>
llm.parameter @a : tensor<64x64xf32> from "a"
func.func @f(%x: !t, %w: tensor<64x64xf16>) -> !t attributes {llm.differentiate} {
  %a = llm.get_parameter @a : tensor<64x64xf32>
  %0 = llm.matmul %x, %a : !t, tensor<64x64xf32> -> !t
  // expected-error @+1 {{'llm.fused_linear' op is between a parameter and the result, but has no derivative; build the program from operations that have the interface Differentiable, and fuse it afterwards}}
  %1 = llm.fused_linear %0 weights(%w) : (!t, tensor<64x64xf16>) -> !t
  return %1 : !t
}

// -----
!t = tensor<?x64xf32>
llm.parameter @w : tensor<64x64xf32> from "w"
llm.parameter @b : tensor<64x8xf32> from "b"
!l = tensor<?x1xf32>
func.func @f(%x: !t, %u: tensor<?x8xf32>, %targets: tensor<?xi32>) -> !l attributes {llm.differentiate} {
  %w = llm.get_parameter @w : tensor<64x64xf32>
  %b = llm.get_parameter @b : tensor<64x8xf32>
  // expected-error @+1 {{'llm.linear_cross_entropy' op has no derivative by operand 1, which depends on a parameter; make it a weight}}
  %y, %l = llm.linear_cross_entropy %x, %w, %targets adapter(%u, %b)
      : (!t, tensor<64x64xf32>, tensor<?xi32>, tensor<?x8xf32>, tensor<64x8xf32>) -> (!l, !l)
  return %y : !l
}

// -----
// Keys and values that go through a cache would get no gradient.
!t = tensor<?x32xf32>
!kv = !llm.kv_cache<layers = 1, heads = 1, key = 32 x f16, value = 32 x f16>
llm.state @kv : !kv
llm.parameter @a : tensor<32x32xf32> from "a"
func.func @f(%q: !t, %layer: index) -> (!t, !t) attributes {llm.differentiate} {
  %a = llm.get_parameter @a : tensor<32x32xf32>
  %kv = llm.get_state @kv : !kv
  %k = llm.matmul %q, %a : !t, tensor<32x32xf32> -> !t
  // expected-error @+1 {{'llm.cache_write' op keeps in memory what depends on a parameter, and the derivative by it would get lost; build the program without state, as with llm.causal_attention}}
  llm.cache_write %kv[%layer] at %layer, %k, %k : !kv, !t, !t
  %y = llm.attention %q, %kv[%layer] at %layer scale 1.0 : !t, !kv -> !t
  return %y, %k : !t, !t
}

// -----
!t = tensor<?x32xf32>
llm.parameter @a : tensor<32x32xf32> from "a"
func.func @f(%x: !t, %w: tensor<32x32xf32>, %t: tensor<?xi32>) -> tensor<?x1xf32> attributes {llm.differentiate} {
  %a = llm.get_parameter @a : tensor<32x32xf32>
  %0 = llm.matmul %x, %a : !t, tensor<32x32xf32> -> !t
  // expected-error @+1 {{has no derivative through result 1; only the first may be used}}
  %1, %2 = llm.linear_cross_entropy %0, %w, %t : (!t, tensor<32x32xf32>, tensor<?xi32>) -> (tensor<?x1xf32>, tensor<?x1xf32>)
  return %2 : tensor<?x1xf32>
}

// -----
!t = tensor<?x32xf32>
// expected-error @+1 {{the results of @f depend on no parameter; there is nothing to train}}
func.func @f(%x: !t) -> !t attributes {llm.differentiate} {
  return %x : !t
}

// -----
!t = tensor<?x32xf32>
llm.parameter @a : tensor<32x32xf32> from "a.{layer}" layers [0]
// expected-error @+1 {{@block has no body, so it cannot be differentiated}}
func.func private @block(!t, index, tensor<32x32xf32>) -> !t
func.func @f(%x: !t) -> !t attributes {llm.differentiate} {
  %0 = llm.layers %x {blocks = [@block], weights = [[@a]], schedule = array<i32: 0>} : (!t) -> !t
  return %0 : !t
}
