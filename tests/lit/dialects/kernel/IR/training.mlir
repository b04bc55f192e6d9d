// RUN: llmc-opt %s --verify-roundtrip | llmc-opt | FileCheck %s
// RUN: llmc-opt %s --mlir-print-op-generic | llmc-opt | FileCheck %s

!b = !kernel.buffer<64 x f32>
!t = !kernel.buffer<16 x f32>

// CHECK-LABEL: func.func @rows
func.func @rows(%x: !b, %y: !b, %z: !b, %u: !b, %v: !b, %t: !t, %w: tensor<64xf32>, %i: index) {
  // CHECK: kernel.layer_norm_adjoint %arg0, %arg1, %arg6, %arg2 {eps = 5.000000e-01 : f32} : !kernel.buffer<64 x f32>
  kernel.layer_norm_adjoint %x, %y, %w, %z {eps = 0.5 : f32} : !b, !b, tensor<64xf32>, !b
  // CHECK: kernel.norm_terms %arg0, %arg1, %arg2 {centered, eps = 5.000000e-01 : f32, head = 64 : i64}
  kernel.norm_terms %x, %y, %z {centered, eps = 0.5 : f32, head = 64 : i64} : !b, !b, !b
  // CHECK: kernel.sum_rows %arg0 into %arg6 : !kernel.buffer<64 x f32>, tensor<64xf32>
  kernel.sum_rows %x into %w : !b, tensor<64xf32>
  // CHECK: kernel.gelu_adjoint %arg0, %arg1, %arg2 : !kernel.buffer<64 x f32>
  kernel.gelu_adjoint %x, %y, %z : !b, !b, !b
  // CHECK: kernel.geglu_adjoint %arg0, %arg1, %arg2 into %arg3, %arg4 : !kernel.buffer<64 x f32>
  kernel.geglu_adjoint %x, %y, %z into %u, %v : !b, !b, !b, !b, !b
  // CHECK: kernel.rms_norm_adjoint %arg0, %arg1, %arg6, %arg2 {eps = 9.99999974E-6 : f32} : !kernel.buffer<64 x f32>, !kernel.buffer<64 x f32>, tensor<64xf32>, !kernel.buffer<64 x f32>
  kernel.rms_norm_adjoint %x, %y, %w, %z {eps = 1.0e-05 : f32} : !b, !b, tensor<64xf32>, !b
  // CHECK: kernel.silu_adjoint %arg0, %arg1, %arg2 : !kernel.buffer<64 x f32>, !kernel.buffer<64 x f32>, !kernel.buffer<64 x f32>
  kernel.silu_adjoint %x, %y, %z : !b, !b, !b
  // CHECK: kernel.swiglu_adjoint %arg0, %arg1, %arg2 into %arg3, %arg4 : !kernel.buffer<64 x f32>
  kernel.swiglu_adjoint %x, %y, %z into %u, %v : !b, !b, !b, !b, !b
  // CHECK: kernel.dropout %arg0, %arg7, %arg7, %arg1 {rate = 5.000000e-01 : f32, site = 2 : i64} : !kernel.buffer<64 x f32>, index, index, !kernel.buffer<64 x f32>
  kernel.dropout %x, %i, %i, %y {site = 2 : i64, rate = 0.5 : f32} : !b, index, index, !b
  // CHECK: kernel.noise %arg0, %arg7, %arg1 {amplitude = 5.000000e-01 : f32, site = 2 : i64} : !kernel.buffer<64 x f32>, index, !kernel.buffer<64 x f32>
  kernel.noise %x, %i, %y {site = 2 : i64, amplitude = 0.5 : f32} : !b, index, !b
  // CHECK: kernel.rope %arg0, %arg5, %arg1 {head_dim = 16 : i64, inverse}
  kernel.rope %x, %t, %y {head_dim = 16 : i64, inverse} : !b, !t, !b
  // CHECK: kernel.rope_table %arg7, %arg5 {{{.*}}, sequence = 8 : i64}
  kernel.rope_table %i, %t {frequencies = array<f64: 1.0>, magnitude = 1.0 : f64, sequence = 8 : i64}
      : index, !t
  return
}

!k = !kernel.buffer<32 x f32>
!l = !kernel.buffer<4 x f32>

// CHECK-LABEL: func.func @attention
func.func @attention(%q: !b, %k: !k, %v: !k, %y: !b, %l: !l, %dy: !b, %dq: !b, %dk: !k, %dv: !k) {
  // CHECK: kernel.causal_attention %arg0, %arg1, %arg2 into %arg3, %arg4 {heads = 4 : i64, kv_heads = 2 : i64, scale = 2.500000e-01 : f32, sequence = 8 : i64, window = 0 : i64} : !kernel.buffer<64 x f32>, !kernel.buffer<32 x f32>, !kernel.buffer<32 x f32>, !kernel.buffer<64 x f32>, !kernel.buffer<4 x f32>
  kernel.causal_attention %q, %k, %v into %y, %l
      {heads = 4 : i64, kv_heads = 2 : i64, sequence = 8 : i64, scale = 0.25 : f32, window = 0 : i64}
      : !b, !k, !k, !b, !l
  // CHECK: kernel.causal_attention_adjoint %arg5, %arg0, %arg1, %arg2, %arg3, %arg4 into %arg6, %arg7, %arg8 {heads = 4 : i64
  kernel.causal_attention_adjoint %dy, %q, %k, %v, %y, %l into %dq, %dk, %dv
      {heads = 4 : i64, kv_heads = 2 : i64, sequence = 8 : i64, scale = 0.25 : f32, window = 0 : i64}
      : !b, !b, !k, !k, !b, !l, !b, !k, !k
  return
}

// CHECK-LABEL: func.func @weights
func.func @weights(%du: !t, %tokens: !kernel.buffer<1 x i32>, %x: !b, %g: tensor<100x16xf32, #llm.packed<rows = 16>>,
                   %h: tensor<80x64xf32, #llm.packed<rows = 16>>, %a: !kernel.parameter<4 x 16>,
                   %b: !kernel.parameter<4 x 100>, %n: !kernel.vector<100>, %m: tensor<100xf32>, %y: !kernel.buffer<100 x f32>) {
  // CHECK: kernel.embed_adjoint %arg0, %arg1 into %arg3 : !kernel.buffer<16 x f32>, !kernel.buffer<1 x i32>, tensor<100x16xf32, #llm.packed<rows = 16>>
  kernel.embed_adjoint %du, %tokens into %g : !t, !kernel.buffer<1 x i32>, tensor<100x16xf32, #llm.packed<rows = 16>>
  // CHECK: kernel.row_norms %arg3, %arg5, %arg6 into %arg7 {scale = 2.000000e+00 : f32} : tensor<100x16xf32, #llm.packed<rows = 16>>, !kernel.parameter<4 x 16>, !kernel.parameter<4 x 100>, !kernel.vector<100>
  kernel.row_norms %g, %a, %b into %n {scale = 2.0 : f32}
      : tensor<100x16xf32, #llm.packed<rows = 16>>, !kernel.parameter<4 x 16>, !kernel.parameter<4 x 100>, !kernel.vector<100>
  // CHECK: kernel.scale_columns %arg9, %arg8, %arg7, %arg9 plus %arg8 : !kernel.buffer<100 x f32>, tensor<100xf32>, !kernel.vector<100>, !kernel.buffer<100 x f32>, tensor<100xf32>
  kernel.scale_columns %y, %m, %n, %y plus %m
      : !kernel.buffer<100 x f32>, tensor<100xf32>, !kernel.vector<100>, !kernel.buffer<100 x f32>, tensor<100xf32>
  // CHECK: kernel.sum_rows %arg9 into %arg8 over %arg7 : !kernel.buffer<100 x f32>, tensor<100xf32>, !kernel.vector<100>
  kernel.sum_rows %y into %m over %n : !kernel.buffer<100 x f32>, tensor<100xf32>, !kernel.vector<100>
  // CHECK: kernel.weight_adjoint %arg0, %arg2 into %arg4 {first_row = 64 : i64} : !kernel.buffer<16 x f32>, !kernel.buffer<64 x f32>, tensor<80x64xf32, #llm.packed<rows = 16>>
  kernel.weight_adjoint %du, %x into %h {first_row = 64 : i64} : !t, !b, tensor<80x64xf32, #llm.packed<rows = 16>>
  return
}
