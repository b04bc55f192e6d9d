// RUN: llmc-opt %s --split-input-file --verify-diagnostics

func.func @table(%start: index) {
  // expected-error @+1 {{rotates pairs, so the table cannot have 31 columns}}
  %t = llm.rope_table %start {base = 1.0e+04 : f32} : tensor<?x31xf32>
  return
}

// -----
func.func @table(%start: index, %f: tensor<32xf32>) {
  // expected-error @+1 {{needs 16 factors, one per pair}}
  %t = llm.rope_table %start factors %f : tensor<32xf32> {base = 1.0e+04 : f32} : tensor<?x32xf32>
  return
}

// -----
func.func @table(%start: index) {
  // expected-error @+1 {{a scaling factor must be positive}}
  %t = llm.rope_table %start {base = 1.0e+04 : f32, scaling = #llm.rope_scaling<linear>, factor = 0.0 : f32} : tensor<?x32xf32>
  return
}

// -----
func.func @table(%start: index) {
  // expected-error @+1 {{a scaling factor must be positive}}
  %t = llm.rope_table %start {base = 1.0e+04 : f32, scaling = #llm.rope_scaling<yarn>, factor = -1.0 : f32, original_context = 4 : i64} : tensor<?x32xf32>
  return
}

// -----
func.func @table(%start: index) {
  // expected-error @+1 {{yarn scaling needs original_context}}
  %t = llm.rope_table %start {base = 1.0e+04 : f32, scaling = #llm.rope_scaling<yarn>, factor = 2.0 : f32} : tensor<?x32xf32>
  return
}

// -----
func.func @table(%start: index) {
  // expected-error @+1 {{base must be positive}}
  %t = llm.rope_table %start {base = 0.0 : f32} : tensor<?x32xf32>
  return
}

// -----
func.func @table(%start: index) {
  // expected-error @+1 {{base must be positive}}
  %t = llm.rope_table %start {base = -1.0e+04 : f32} : tensor<?x32xf32>
  return
}

// -----
func.func @table(%start: index) {
  // expected-error @+1 {{base must be positive}}
  %t = llm.rope_table %start {base = 0x7FC00000 : f32} : tensor<?x32xf32>
  return
}

// -----
func.func @rope(%x: tensor<?x64xf32>, %t: tensor<?x15xf32>) {
  // expected-error @+1 {{a rotary table has two columns per pair, so it cannot have 15}}
  %y = llm.rope %x, %t head_dim 16 : tensor<?x64xf32>, tensor<?x15xf32>
  return
}

// -----
func.func @rope(%x: tensor<?x64xf32>, %t: tensor<?x16xf32>) {
  // expected-error @+1 {{heads of 24 do not divide 64 columns}}
  %y = llm.rope %x, %t head_dim 24 : tensor<?x64xf32>, tensor<?x16xf32>
  return
}

// -----
func.func @rope(%x: tensor<?x64xf32>, %t: tensor<?x16xf32>) {
  // expected-error @+1 {{heads of 0 do not divide 64 columns}}
  %y = llm.rope %x, %t head_dim 0 : tensor<?x64xf32>, tensor<?x16xf32>
  return
}

// -----
func.func @rope(%x: tensor<?x64xf32>, %t: tensor<?x32xf32>) {
  // expected-error @+1 {{a table of 32 columns is too wide for heads of 16}}
  %y = llm.rope %x, %t head_dim 16 : tensor<?x64xf32>, tensor<?x32xf32>
  return
}

// -----
!kv = !llm.kv_cache<layers = 2, heads = 4, key = 32 x f16, value = 16 x f16>
func.func @write(%kv: !kv, %i: index, %k: tensor<?x64xf32>, %v: tensor<?x64xf32>) {
  // expected-error @+1 {{keys has 64 columns, expected 128}}
  llm.cache_write %kv[%i] at %i, %k, %v : !kv, tensor<?x64xf32>, tensor<?x64xf32>
  return
}

// -----
!kv = !llm.kv_cache<layers = 2, heads = 4, key = 32 x f16, value = 16 x f16>
func.func @write(%kv: !kv, %i: index, %k: tensor<?x128xf32>, %v: tensor<?x128xf32>) {
  // expected-error @+1 {{values has 128 columns, expected 64}}
  llm.cache_write %kv[%i] at %i, %k, %v : !kv, tensor<?x128xf32>, tensor<?x128xf32>
  return
}

// -----
!kv = !llm.kv_cache<layers = 2, heads = 4, key = 32 x f16, value = 16 x f16>
func.func @attention(%kv: !kv, %i: index, %q: tensor<?x64xf32>) {
  // expected-error @+1 {{query has 64 columns, expected a multiple of 128 (heads times key of the cache)}}
  %y = llm.attention %q, %kv[%i] at %i scale 1.0 : tensor<?x64xf32>, !kv -> tensor<?x32xf32>
  return
}

// -----
!kv = !llm.kv_cache<layers = 2, heads = 4, key = 32 x f16, value = 16 x f16>
func.func @attention(%kv: !kv, %i: index, %q: tensor<?x256xf32>) {
  // expected-error @+1 {{window must not be negative}}
  %y = llm.attention %q, %kv[%i] at %i scale 1.0 {window = -1 : i64} : tensor<?x256xf32>, !kv -> tensor<?x128xf32>
  return
}

// -----
!kv = !llm.kv_cache<layers = 2, heads = 4, key = 32 x f16, value = 16 x f16>
func.func @attention(%kv: !kv, %i: index, %q: tensor<?x256xf32>) {
  // expected-error @+1 {{result has 256 columns, expected 128}}
  %y = llm.attention %q, %kv[%i] at %i scale 1.0 : tensor<?x256xf32>, !kv -> tensor<?x256xf32>
  return
}

// -----
!kv = !llm.kv_cache<layers = 1, heads = 1, key = 1 x f16, value = 1048576 x f16>
func.func @attention(%q: tensor<?x9223372036854775807xf32>, %kv: !kv, %i: index) {
  // expected-error @+1 {{query has 9223372036854775807 heads, too many to number the columns of the result}}
  %y = llm.attention %q, %kv[%i] at %i scale 1.0
      : tensor<?x9223372036854775807xf32>, !kv -> tensor<?x16xf32>
  return
}
