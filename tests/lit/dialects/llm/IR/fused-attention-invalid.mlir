// RUN: llmc-opt %s --split-input-file --verify-diagnostics

!kv = !llm.kv_cache<layers = 2, heads = 4, key = 32 x f16, value = 16 x f16>
func.func @fused(%kv: !kv, %i: index, %q: tensor<?x256xf32>, %k: tensor<?x64xf32>, %v: tensor<?x64xf32>,
                 %t: tensor<?x32xf32>) {
  // expected-error @+1 {{keys has 64 columns, expected 128}}
  %y = llm.fused_attention %q, %k, %v, %t, %kv[%i] at %i scale 1.0
      : (tensor<?x256xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x32xf32>, !kv, index, index)
      -> tensor<?x128xf32>
  return
}

// -----
!kv = !llm.kv_cache<layers = 2, heads = 4, key = 32 x f16, value = 16 x f16>
func.func @fused(%kv: !kv, %i: index, %q: tensor<?x256xf32>, %k: tensor<?x128xf32>, %v: tensor<?x128xf32>,
                 %t: tensor<?x32xf32>) {
  // expected-error @+1 {{values has 128 columns, expected 64}}
  %y = llm.fused_attention %q, %k, %v, %t, %kv[%i] at %i scale 1.0
      : (tensor<?x256xf32>, tensor<?x128xf32>, tensor<?x128xf32>, tensor<?x32xf32>, !kv, index, index)
      -> tensor<?x128xf32>
  return
}

// -----
!kv = !llm.kv_cache<layers = 2, heads = 4, key = 32 x f16, value = 16 x f16>
func.func @fused(%kv: !kv, %i: index, %q: tensor<?x256xf32>, %k: tensor<?x128xf32>, %v: tensor<?x64xf32>,
                 %t: tensor<?x64xf32>) {
  // expected-error @+1 {{the rotary table is wider than a head}}
  %y = llm.fused_attention %q, %k, %v, %t, %kv[%i] at %i scale 1.0
      : (tensor<?x256xf32>, tensor<?x128xf32>, tensor<?x64xf32>, tensor<?x64xf32>, !kv, index, index)
      -> tensor<?x128xf32>
  return
}

// -----
!kv = !llm.kv_cache<layers = 2, heads = 4, key = 32 x f16, value = 16 x f16>
func.func @fused(%kv: !kv, %i: index, %q: tensor<?x64xf32>, %k: tensor<?x128xf32>, %v: tensor<?x64xf32>,
                 %t: tensor<?x32xf32>) {
  // expected-error @+1 {{query has 64 columns, expected a multiple of 128}}
  %y = llm.fused_attention %q, %k, %v, %t, %kv[%i] at %i scale 1.0
      : (tensor<?x64xf32>, tensor<?x128xf32>, tensor<?x64xf32>, tensor<?x32xf32>, !kv, index, index)
      -> tensor<?x128xf32>
  return
}

// -----
!kv = !llm.kv_cache<layers = 2, heads = 4, key = 32 x f16, value = 16 x f16>
func.func @fused(%kv: !kv, %i: index, %q: tensor<?x256xf32>, %k: tensor<?x128xf32>, %v: tensor<?x64xf32>,
                 %t: tensor<?x32xf32>) {
  // expected-error @+1 {{window must not be negative}}
  %y = llm.fused_attention %q, %k, %v, %t, %kv[%i] at %i scale 1.0 {window = -1 : i64}
      : (tensor<?x256xf32>, tensor<?x128xf32>, tensor<?x64xf32>, tensor<?x32xf32>, !kv, index, index)
      -> tensor<?x128xf32>
  return
}

// -----
!kv = !llm.kv_cache<layers = 2, heads = 4, key = 32 x f16, value = 16 x f16>
func.func @fused(%kv: !kv, %i: index, %q: tensor<?x256xf32>, %k: tensor<?x128xf32>, %v: tensor<?x64xf32>,
                 %t: tensor<?x32xf32>) {
  // expected-error @+1 {{result has 256 columns, expected 128}}
  %y = llm.fused_attention %q, %k, %v, %t, %kv[%i] at %i scale 1.0
      : (tensor<?x256xf32>, tensor<?x128xf32>, tensor<?x64xf32>, tensor<?x32xf32>, !kv, index, index)
      -> tensor<?x256xf32>
  return
}

// -----
!kv = !llm.kv_cache<layers = 2, heads = 4, key = 32 x f16, value = 16 x f16>
func.func @fused(%kv: !kv, %i: index, %q: tensor<?x256xf32>, %k: tensor<?x128xf32>, %v: tensor<?x64xf32>,
                 %t: tensor<?x31xf32>) {
  // expected-error @+1 {{a rotary table has two columns per pair, so it cannot have 31}}
  %y = llm.fused_attention %q, %k, %v, %t, %kv[%i] at %i scale 1.0
      : (tensor<?x256xf32>, tensor<?x128xf32>, tensor<?x64xf32>, tensor<?x31xf32>, !kv, index, index)
      -> tensor<?x128xf32>
  return
}
