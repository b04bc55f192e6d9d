// RUN: llmc-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{unknown block format 'q4_9'; known are}}
func.func private @block(!llm.block<q4_9>)

// -----
// A format without blocks is a builtin type.
// expected-error @+1 {{unknown block format 'f16'; known are}}
func.func private @block(!llm.block<f16>)

// -----
// expected-error @+1 {{layers, heads, key and value of a KV cache must be positive}}
func.func private @cache(!llm.kv_cache<layers = 0, heads = 1, key = 8 x f16, value = 8 x f16>)

// -----
// expected-error @+1 {{layers, heads, key and value of a KV cache must be positive}}
func.func private @cache(!llm.kv_cache<layers = 1, heads = 0, key = 8 x f16, value = 8 x f16>)

// -----
// expected-error @+1 {{layers, heads, key and value of a KV cache must be positive}}
func.func private @cache(!llm.kv_cache<layers = 1, heads = 1, key = -8 x f16, value = 8 x f16>)

// -----
// expected-error @+1 {{layers, heads, key and value of a KV cache must be positive}}
func.func private @cache(!llm.kv_cache<layers = 1, heads = 1, key = 8 x f16, value = 0 x f16>)

// -----
// expected-error @+1 {{layers, heads, key and value of a KV cache must be at most 1048576}}
func.func private @cache(!llm.kv_cache<layers = 1048577, heads = 1, key = 8 x f16, value = 8 x f16>)

// -----
// expected-error @+1 {{layers, heads, key and value of a KV cache must be at most 1048576}}
func.func private @cache(!llm.kv_cache<layers = 1, heads = 4294967296, key = 4294967296 x f16, value = 8 x f16>)

// -----
// expected-error @+1 {{layers, heads, key and value of a KV cache must be at most 1048576}}
func.func private @cache(!llm.kv_cache<layers = 1, heads = 1, key = 8 x f16, value = 9223372036854775807 x f16>)

// -----
// The largest that is allowed, and one more.
func.func private @cache(!llm.kv_cache<layers = 1, heads = 1048576, key = 524288 x f16, value = 524288 x f16>)
// expected-error @+1 {{a position of a KV cache must have at most 1099511627776 elements, not 1099512676352}}
func.func private @cache(!llm.kv_cache<layers = 1, heads = 1048576, key = 524288 x f16, value = 524289 x f16>)

// -----
// expected-error @+1 {{a KV cache holds f32, f16, bf16 or q8_0, not 'f64'}}
func.func private @cache(!llm.kv_cache<layers = 1, heads = 1, key = 8 x f16, value = 8 x f64>)

// -----
// expected-error @+1 {{a KV cache holds f32, f16, bf16 or q8_0, not '!llm.block<q4_0>'}}
func.func private @cache(!llm.kv_cache<layers = 1, heads = 1, key = 32 x !llm.block<q4_0>, value = 8 x f16>)

// -----
// expected-error @+1 {{keys of q8_0 in a KV cache have a multiple of 32 elements, not 80}}
func.func private @cache(!llm.kv_cache<layers = 1, heads = 1, key = 80 x !llm.block<q8_0>, value = 32 x f16>)

// -----
// expected-error @+1 {{values of q8_0 in a KV cache have a multiple of 32 elements, not 16}}
func.func private @cache(!llm.kv_cache<layers = 1, heads = 1, key = 80 x f16, value = 16 x !llm.block<q8_0>>)

// -----
// expected-error @+1 {{packed weights have groups of 16 rows, not 8}}
func.func private @packed(tensor<16x32x!llm.block<q4_0>, #llm.packed<rows = 8>>)

// -----
func.func @rows(%x: tensor<?x?xf32>) {
  // expected-error @+1 {{operand #0 must be rows of known width}}
  %y = llm.silu %x : tensor<?x?xf32>
  return
}

// -----
func.func @rows(%x: tensor<?x0xf32>) {
  // expected-error @+1 {{operand #0 must be rows of known width}}
  %y = llm.silu %x : tensor<?x0xf32>
  return
}

// -----
func.func @rows(%x: tensor<8xf32>) {
  // expected-error @+1 {{operand #0 must be rows of known width}}
  %y = llm.silu %x : tensor<8xf32>
  return
}

// -----
func.func @vector(%x: tensor<?x8xf32>, %w: tensor<?xf32>) {
  // expected-error @+1 {{operand #1 must be vector of known length}}
  %y = llm.rms_norm %x, %w eps 0.0 : tensor<?x8xf32>, tensor<?xf32>
  return
}

// -----
func.func @matrix(%x: tensor<?x8xf32>, %w: tensor<?x8xf32>) {
  // expected-error @+1 {{operand #1 must be matrix of known shape of f32, f16, bf16 or a block format}}
  %y = llm.linear %x, %w : tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----
func.func @matrix(%x: tensor<?x8xf32>, %w: tensor<8x8xf64>) {
  // expected-error @+1 {{operand #1 must be matrix of known shape of f32, f16, bf16 or a block format}}
  %y = llm.linear %x, %w : tensor<?x8xf32>, tensor<8x8xf64> -> tensor<?x8xf32>
  return
}

// -----
func.func @tokens(%t: tensor<?xi64>, %w: tensor<8x8xf32>) {
  // expected-error @+1 {{operand #0 must be token ids}}
  %y = llm.embed %t, %w : tensor<?xi64>, tensor<8x8xf32> -> tensor<?x8xf32>
  return
}

// -----
// expected-error @+1 {{layers of column sums must be from 1 to 1048576, not 0}}
func.func private @sums(!llm.column_sums<layers = 0, columns = 64>)

// -----
// expected-error @+1 {{column sums must have from 1 to 1073741824 columns and at most 4294967296 sums, not 1 x -1}}
func.func private @sums(!llm.column_sums<layers = 1, columns = -1>)

// -----
// expected-error @+1 {{at most 4294967296 sums, not 5 x 1073741824}}
func.func private @sums(!llm.column_sums<layers = 5, columns = 1073741824>)
