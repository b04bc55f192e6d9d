// RUN: %opt %s --kernel-to-vector | FileCheck %s

// What the operations of training call. A function's name has all that its code depends on.

!b = !kernel.buffer<64 x f32>
!k = !kernel.buffer<32 x f32>
!l = !kernel.buffer<4 x f32>
!t = !kernel.buffer<16 x f32>
!ids = !kernel.buffer<1 x i32>

module attributes {kernel.scratch_bytes = 1024 : i64,
                   kernel.target = #kernel.target<dot = plain, tiles = [1], max_rows = 9>} {

llm.weight @norm : tensor<64xf32> from "norm"
llm.parameter @table : tensor<70x16xf32, #llm.packed<rows = 16>> from "table"
llm.parameter @vector : tensor<16xf32> from "vector"

// CHECK-LABEL: func.func private @rows(
// CHECK-SAME: %[[C:[^:]*]]: !llvm.ptr, %[[T:[^:]*]]: i64, %[[N:[^:]*]]: i64, %[[X:[^:]*]]: !llvm.ptr, %[[Y:[^:]*]]: !llvm.ptr, %[[Z:[^:]*]]: !llvm.ptr, %[[U:[^:]*]]: !llvm.ptr, %[[V:[^:]*]]: !llvm.ptr, %[[TABLE:[^:]*]]: !llvm.ptr, %[[IDS:[^:]*]]: !llvm.ptr, %[[I:[^:]*]]: i64)
// CHECK: %[[ROWS:.*]] = llvm.load {{.*}} -> i64
func.func private @rows(%x: !b, %y: !b, %z: !b, %u: !b, %v: !b, %table: !t, %ids: !ids, %i: index) {
  // CHECK: call @rms_norm_adjoint.64(%[[T]], %[[N]], %[[ROWS]], %[[X]], %[[Y]], %{{.*}}, %[[Z]], %{{.*}})
  %w = kernel.get_weight @norm : tensor<64xf32>
  kernel.rms_norm_adjoint %x, %y, %w, %z {eps = 0.5 : f32} : !b, !b, tensor<64xf32>, !b
  // CHECK: %[[VECTORS:.*]] = arith.muli %[[ROWS]], %c4_i64
  // CHECK: call @silu_adjoint(%[[T]], %[[N]], %[[VECTORS]], %[[X]], %[[Y]], %[[Z]])
  kernel.silu_adjoint %x, %y, %z : !b, !b, !b
  // CHECK: call @swiglu_adjoint(%[[T]], %[[N]], %{{.*}}, %[[X]], %[[Y]], %[[Z]], %[[U]], %[[V]])
  kernel.swiglu_adjoint %x, %y, %z into %u, %v : !b, !b, !b, !b, !b
  // Site and rate make no code of their own.
  // CHECK: call @dropout.64(%[[T]], %[[N]], %[[ROWS]], %[[X]], %[[Y]], %{{.*}}, %{{.*}}, %{{.*}})
  kernel.dropout %x, %i, %i, %y {site = 2 : i64, rate = 0.5 : f32} : !b, index, index, !b
  // CHECK: call @dropout.64(
  kernel.dropout %y, %i, %i, %z {site = 3 : i64, rate = 0.25 : f32} : !b, index, index, !b
  // CHECK: call @noise.64(%[[T]], %[[N]], %[[ROWS]], %[[X]], %[[Y]], %{{.*}}, %{{.*}})
  kernel.noise %x, %i, %y {site = 2 : i64, amplitude = 0.5 : f32} : !b, index, !b
  // CHECK: call @rope.64.16.16.inverse(%[[T]], %[[N]], %[[ROWS]], %[[X]], %[[TABLE]], %[[Y]])
  kernel.rope %x, %table, %y {head_dim = 16 : i64, inverse} : !b, !t, !b
  // The runtime fills the thread's rows of each sequence.
  // CHECK: scf.for
  // CHECK: call @llmc_rope_table(
  kernel.rope_table %i, %table {frequencies = array<f64: 1.0>, magnitude = 1.0 : f64, sequence = 3 : i64}
      : index, !t
  // CHECK: call @embed_adjoint.16(%[[T]], %[[N]], %c16_i64{{.*}}, %[[TABLE]], %[[IDS]], %{{.*}}, %[[ROWS]])
  %g = kernel.get_gradient @table : tensor<70x16xf32, #llm.packed<rows = 16>>
  kernel.embed_adjoint %table, %ids into %g : !t, !ids, tensor<70x16xf32, #llm.packed<rows = 16>>
  // The last six rows of the gradient.
  // CHECK: call @weight_adjoint.6x16(%[[T]], %[[N]], %[[ROWS]], %{{.*}}, %[[TABLE]], %{{.*}})
  %six = kernel.alloc at 0 : !kernel.buffer<6 x f32>
  kernel.weight_adjoint %six, %table into %g {first_row = 64 : i64}
      : !kernel.buffer<6 x f32>, !t, tensor<70x16xf32, #llm.packed<rows = 16>>
  // CHECK: call @layer_norm_adjoint.64(
  kernel.layer_norm_adjoint %x, %y, %w, %z {eps = 0.5 : f32} : !b, !b, tensor<64xf32>, !b
  // CHECK: call @norm_terms.16.4(
  kernel.norm_terms %x, %y, %z {eps = 0.5 : f32, head = 16 : i64} : !b, !b, !b
  // CHECK: call @sum_rows.16.4(
  %v16 = kernel.get_gradient @vector : tensor<16xf32>
  kernel.sum_rows %z into %v16 : !b, tensor<16xf32>
  // CHECK: call @gelu_adjoint(
  kernel.gelu_adjoint %x, %y, %z : !b, !b, !b
  // CHECK: call @geglu_adjoint(
  kernel.geglu_adjoint %x, %y, %z into %u, %v : !b, !b, !b, !b, !b
  return
}

// CHECK-LABEL: func.func private @attention(
// CHECK-SAME: %[[C:[^:]*]]: !llvm.ptr, %[[T:[^:]*]]: i64, %[[N:[^:]*]]: i64, %[[Q:[^:]*]]: !llvm.ptr, %[[K:[^:]*]]: !llvm.ptr, %[[V:[^:]*]]: !llvm.ptr, %[[Y:[^:]*]]: !llvm.ptr, %[[L:[^:]*]]: !llvm.ptr
// Scores are in base 2: 0.25 log2(e).
// CHECK: %[[SCALE:.*]] = arith.constant 0.360673755 : f32
// CHECK: %[[SCRATCH_AT:.*]] = arith.muli %[[T]], %c1024_i64
// CHECK: %[[SCRATCH:.*]] = llvm.getelementptr %{{.*}}[%[[SCRATCH_AT]]]
// CHECK: call @causal_attention.4.2.16.16.s8.w5(%[[T]], %[[N]], %{{.*}}, %[[SCALE]], %[[SCRATCH]], %[[Q]], %[[K]], %[[V]], %[[Y]], %[[L]])
// A window that no step reaches is none.
// CHECK: call @causal_attention_adjoint.4.2.16.16.s8.w0(
func.func private @attention(%q: !b, %k: !k, %v: !k, %y: !b, %l: !l, %dy: !b, %dq: !b, %dk: !k, %dv: !k) {
  kernel.causal_attention %q, %k, %v into %y, %l
      {heads = 4 : i64, kv_heads = 2 : i64, sequence = 8 : i64, scale = 0.25 : f32, window = 5 : i64}
      : !b, !k, !k, !b, !l
  kernel.causal_attention_adjoint %dy, %q, %k, %v, %y, %l into %dq, %dk, %dv
      {heads = 4 : i64, kv_heads = 2 : i64, sequence = 8 : i64, scale = 0.25 : f32, window = 9223372036854775807 : i64}
      : !b, !b, !k, !k, !b, !l, !b, !k, !k
  return
}

}
