// RUN: llmc-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{no weight named @w}}
llm.state @sums : !llm.column_sums<layers = 1, columns = 64> of [@w]

// -----
llm.weight @w : tensor<32x96xf16> from "w"
// expected-error @+1 {{weight @w has type 'tensor<32x96xf16>', no matrix of 64 columns}}
llm.state @sums : !llm.column_sums<layers = 1, columns = 64> of [@w]

// -----
llm.weight @w : tensor<64xf32> from "w"
// expected-error @+1 {{no matrix of 64 columns}}
llm.state @sums : !llm.column_sums<layers = 1, columns = 64> of [@w]

// -----
llm.weight @w : tensor<32x64xf16> from "blk.{layer}.w" layers [0, 2]
// expected-error @+1 {{weight @w has a layer 2, there are sums for 2}}
llm.state @sums : !llm.column_sums<layers = 2, columns = 64> of [@w]

// -----
llm.weight @w : tensor<32x64xf16> from "w"
// expected-error @+1 {{only column sums are of weights}}
llm.state @kv : !llm.kv_cache<layers = 1, heads = 1, key = 8 x f16, value = 8 x f16> of [@w]

// -----
func.func @measure(%x: tensor<?x32xf32>, %s: !llm.column_sums<layers = 2, columns = 64>, %l: index) {
  // expected-error @+1 {{input has 32 columns, expected 64}}
  llm.sum_squares %x into %s[%l] : tensor<?x32xf32>, !llm.column_sums<layers = 2, columns = 64>
  return
}

// -----
llm.state @sums : !llm.column_sums<layers = 2, columns = 64>
func.func @get() {
  // expected-error @+1 {{state @sums has type '!llm.column_sums<layers = 2, columns = 64>'}}
  %s = llm.get_state @sums : !llm.column_sums<layers = 2, columns = 32>
  return
}
