// RUN: llmc-opt %s --verify-roundtrip | llmc-opt | FileCheck %s
// RUN: llmc-opt %s --mlir-print-op-generic | llmc-opt | FileCheck %s

!kv = !llm.kv_cache<layers = 2, heads = 4, key = 32 x f16, value = 16 x f16>

// CHECK-LABEL: func.func @rope
func.func @rope(%x: tensor<?x256xf32>, %start: index, %factors: tensor<16xf32>) -> tensor<?x256xf32> {
  // CHECK: %[[TABLE:.*]] = llm.rope_table %arg1 {base = 1.000000e+04 : f32} : tensor<?x32xf32>
  %t = llm.rope_table %start {base = 1.0e+04 : f32} : tensor<?x32xf32>
  // CHECK: llm.rope_table %arg1 {base = 5.000000e+05 : f32, factor = 4.000000e+00 : f32, scaling = #llm.rope_scaling<linear>} : tensor<?x32xf32>
  %l = llm.rope_table %start {base = 5.0e+05 : f32, scaling = #llm.rope_scaling<linear>, factor = 4.0 : f32}
      : tensor<?x32xf32>
  // CHECK: llm.rope_table %arg1 factors %arg2 : tensor<16xf32>
  // CHECK-SAME: attention_factor = 2.000000e+00 : f32
  // CHECK-SAME: beta_fast = 3.000000e+01 : f32, beta_slow = 2.000000e+00 : f32, extrapolation = 5.000000e-01 : f32
  // CHECK-SAME: original_context = 4096 : i64, scaling = #llm.rope_scaling<yarn>} : tensor<?x32xf32>
  %y = llm.rope_table %start factors %factors : tensor<16xf32> {
    base = 1.0e+04 : f32, scaling = #llm.rope_scaling<yarn>, factor = 4.0 : f32,
    attention_factor = 2.0 : f32, beta_fast = 30.0 : f32, beta_slow = 2.0 : f32,
    extrapolation = 0.5 : f32, original_context = 4096 : i64} : tensor<?x32xf32>
  // CHECK: llm.rope %arg0, %[[TABLE]] head_dim 64 : tensor<?x256xf32>, tensor<?x32xf32>
  %r = llm.rope %x, %t head_dim 64 : tensor<?x256xf32>, tensor<?x32xf32>
  return %r : tensor<?x256xf32>
}

// CHECK-LABEL: func.func @cache
func.func @cache(%q: tensor<?x256xf32>, %k: tensor<?x128xf32>, %v: tensor<?x64xf32>, %t: tensor<?x32xf32>,
                 %kv: !kv, %layer: index, %start: index) -> tensor<?x128xf32> {
  // CHECK: llm.cache_write %arg4[%arg5] at %arg6, %arg1, %arg2
  // CHECK-SAME: : !llm.kv_cache<layers = 2, heads = 4, key = 32 x f16, value = 16 x f16>, tensor<?x128xf32>, tensor<?x64xf32>
  llm.cache_write %kv[%layer] at %start, %k, %v : !kv, tensor<?x128xf32>, tensor<?x64xf32>
  // CHECK: llm.attention %arg0, %arg4[%arg5] at %arg6 scale 1.250000e-01
  // CHECK-SAME: : tensor<?x256xf32>, !llm.kv_cache<layers = 2, heads = 4, key = 32 x f16, value = 16 x f16> -> tensor<?x128xf32>
  %a = llm.attention %q, %kv[%layer] at %start scale 1.25e-01 : tensor<?x256xf32>, !kv -> tensor<?x128xf32>
  // CHECK: llm.attention {{.*}} {window = 7 : i64}
  %w = llm.attention %q, %kv[%layer] at %start scale 1.25e-01 {window = 7 : i64}
      : tensor<?x256xf32>, !kv -> tensor<?x128xf32>
  // CHECK: llm.fused_attention %arg0, %arg1, %arg2, %arg3, %arg4[%arg5] at %arg6 scale 1.250000e-01 {window = 7 : i64}
  // CHECK-SAME: : (tensor<?x256xf32>, tensor<?x128xf32>, tensor<?x64xf32>, tensor<?x32xf32>, !llm.kv_cache<layers = 2, heads = 4, key = 32 x f16, value = 16 x f16>, index, index) -> tensor<?x128xf32>
  %f = llm.fused_attention %q, %k, %v, %t, %kv[%layer] at %start scale 1.25e-01 {window = 7 : i64}
      : (tensor<?x256xf32>, tensor<?x128xf32>, tensor<?x64xf32>, tensor<?x32xf32>, !kv, index, index)
      -> tensor<?x128xf32>
  return %f : tensor<?x128xf32>
}
