// RUN: llmc-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{'{layer}' in the source needs 'layers'}}
llm.weight @w : tensor<64xf32> from "blk.{layer}.w"

// -----
// expected-error @+1 {{'layers' needs '{layer}' in the source}}
llm.weight @w : tensor<64xf32> from "w" layers [0]

// -----
// expected-error @+1 {{a family needs at least one layer}}
llm.weight @w : tensor<64xf32> from "blk.{layer}.w" layers []

// -----
// expected-error @+1 {{'{layer}' may be in the source once, not 2 times}}
llm.weight @w : tensor<64xf32> from "blk.{layer}.{layer}.w" layers [0]

// -----
// expected-error @+1 {{layers are numbered from 0, not -1}}
llm.weight @w : tensor<64xf32> from "blk.{layer}.w" layers [0, -1]

// -----
// expected-error @+1 {{a weight has a static shape, not 'tensor<?x64xf32>'}}
llm.weight @w : tensor<?x64xf32> from "w"

// -----
// expected-error @+1 {{a weight has f32, f16, bf16 or !llm.block elements, not 'tensor<64xi8>'}}
llm.weight @w : tensor<64xi8> from "w"

// -----
// expected-error @+1 {{rows of 40 weights are no multiple of the 32 weights in a block of q4_0}}
llm.weight @w : tensor<2x40x!llm.block<q4_0>> from "w"

// -----
func.func @get() {
  // expected-error @+1 {{no weight named @w}}
  %w = llm.get_weight @w : tensor<64xf32>
  return
}

// -----
llm.weight @w : tensor<64xf32> from "blk.{layer}.w" layers [0]
func.func @get() {
  // expected-error @+1 {{@w is a family of weights, for llm.layers only}}
  %w = llm.get_weight @w : tensor<64xf32>
  return
}

// -----
llm.weight @w : tensor<64xf32> from "w"
func.func @get() {
  // expected-error @+1 {{weight @w has type 'tensor<64xf32>'}}
  %w = llm.get_weight @w : tensor<65xf32>
  return
}

// -----
func.func @get() {
  // expected-error @+1 {{no state named @kv}}
  %s = llm.get_state @kv : !llm.kv_cache<layers = 1, heads = 1, key = 8 x f16, value = 8 x f16>
  return
}

// -----
llm.state @kv : !llm.kv_cache<layers = 1, heads = 1, key = 8 x f32, value = 8 x f32>
func.func @get() {
  // expected-error @+1 {{state @kv has type '!llm.kv_cache<layers = 1, heads = 1, key = 8 x f32, value = 8 x f32>'}}
  %s = llm.get_state @kv : !llm.kv_cache<layers = 1, heads = 1, key = 8 x f16, value = 8 x f16>
  return
}

// -----
// expected-error @+1 {{rows are numbered from 0, not -1}}
llm.weight @k : tensor<64x32xf16> from "qkv" row -1
