// RUN: %opt %s --llm-to-kernel | FileCheck %s
// RUN: %opt %s --llm-to-kernel --kernel-plan-memory --kernel-insert-barriers | FileCheck %s --check-prefix=BARRIERS

!h = tensor<?x64xf32>
!t = tensor<?x16xf32>

module attributes {kernel.target = #kernel.target<dot = plain, tiles = [1], max_rows = 9>} {

llm.weight @norm : tensor<64xf32> from "norm"

// CHECK-LABEL: func.func @rows(
// CHECK-SAME: %[[DY:[^:]*]]: !kernel.buffer<64 x f32>, %[[X:[^:]*]]: !kernel.buffer<64 x f32>, %[[SEED:[^:]*]]: index, %[[OUT:[^:]*]]: !kernel.buffer<64 x f32>)
// CHECK: %[[W:.*]] = kernel.get_weight @norm
// CHECK: %[[A:.*]] = kernel.alloc
// CHECK-NEXT: kernel.rms_norm_adjoint %[[DY]], %[[X]], %[[W]], %[[A]] {eps = 5.000000e-01 : f32}
// CHECK: %[[B:.*]] = kernel.alloc
// CHECK-NEXT: kernel.silu_adjoint %[[A]], %[[X]], %[[B]]
// CHECK: %[[C:.*]] = kernel.alloc
// CHECK-NEXT: %[[D:.*]] = kernel.alloc
// CHECK-NEXT: kernel.swiglu_adjoint %[[B]], %[[X]], %[[DY]] into %[[C]], %[[D]]
// CHECK: %[[E:.*]] = kernel.alloc
// CHECK-NEXT: kernel.dropout %[[C]], %[[SEED]], %[[SEED]], %[[E]] {rate = 2.500000e-01 : f32, site = 7 : i64}
// CHECK: %[[G:.*]] = kernel.alloc
// CHECK-NEXT: kernel.noise %[[E]], %[[SEED]], %[[G]] {amplitude = 5.000000e-01 : f32, site = 8 : i64}
// CHECK: %[[T:.*]] = kernel.alloc
// CHECK-NEXT: kernel.rope_table %[[SEED]], %[[T]] {{{.*}}, sequence = 4 : i64}
// CHECK: %[[F:.*]] = kernel.alloc
// CHECK-NEXT: kernel.rope %[[G]], %[[T]], %[[F]] {head_dim = 16 : i64, inverse}
// CHECK-NEXT: kernel.map add %[[F]], %[[D]] into %[[OUT]]
// Each takes rows or vectors that other threads may have written.
// BARRIERS-LABEL: func.func @rows(
// BARRIERS: kernel.rms_norm_adjoint
// BARRIERS: kernel.barrier
// BARRIERS-NEXT: kernel.silu_adjoint
// BARRIERS: kernel.barrier
// BARRIERS-NEXT: kernel.swiglu_adjoint
// BARRIERS: kernel.barrier
// BARRIERS-NEXT: kernel.dropout
// BARRIERS: kernel.barrier
// BARRIERS-NEXT: kernel.noise
// The table is new memory.
// BARRIERS-NOT: kernel.barrier
// BARRIERS: kernel.rope_table
// BARRIERS: kernel.barrier
// BARRIERS-NEXT: kernel.rope
// BARRIERS-NEXT: kernel.barrier
// BARRIERS-NEXT: kernel.map add
func.func @rows(%dy: !h, %x: !h, %seed: index) -> !h {
  %w = llm.get_weight @norm : tensor<64xf32>
  %a = llm.rms_norm_adjoint %dy, %x, %w eps 0.5 : !h, tensor<64xf32>
  %b = llm.silu_adjoint %a, %x : !h
  %c, %d = llm.swiglu_adjoint %b, %x, %dy : !h
  %e = llm.dropout %c seed %seed layer %seed site 7 rate 0.25 : !h
  %n = llm.noise %e seed %seed site 8 amplitude 0.5 : !h
  %t = llm.rope_table %seed {base = 1.0e+04 : f32, sequence = 4 : i64} : !t
  %f = llm.rope_adjoint %n, %t head_dim 16 : !h, !t
  %y = llm.add %f, %d : !h
  return %y : !h
}

// Attention and its adjoint are split otherwise than rows are; their scratch memory is the threads'
// own.
// CHECK-LABEL: func.func @attention(
// CHECK-SAME: %[[DY:[^:]*]]: !kernel.buffer<64 x f32>, %[[Q:[^:]*]]: !kernel.buffer<64 x f32>, %[[K:[^:]*]]: !kernel.buffer<32 x f32>, %[[DQ:[^:]*]]: !kernel.buffer<64 x f32>, %[[SUM:[^:]*]]: !kernel.buffer<32 x f32>)
// CHECK: %[[Y:.*]] = kernel.alloc at -1 : !kernel.buffer<64 x f32>
// CHECK: %[[L:.*]] = kernel.alloc at -1 : !kernel.buffer<4 x f32>
// CHECK-NEXT: kernel.causal_attention %[[Q]], %[[K]], %[[K]] into %[[Y]], %[[L]] {heads = 4 : i64, kv_heads = 2 : i64, scale = 2.500000e-01 : f32, sequence = 3 : i64, window = 2 : i64}
// CHECK-NEXT: %[[DK:.*]] = kernel.alloc at -1 : !kernel.buffer<32 x f32>
// CHECK-NEXT: %[[DV:.*]] = kernel.alloc at -1 : !kernel.buffer<32 x f32>
// CHECK-NEXT: kernel.causal_attention_adjoint %[[DY]], %[[Q]], %[[K]], %[[K]], %[[Y]], %[[L]] into %[[DQ]], %[[DK]], %[[DV]] {heads = 4 : i64
// CHECK-NEXT: kernel.map add %[[DK]], %[[DV]] into %[[SUM]]
// BARRIERS-LABEL: func.func @attention(
// BARRIERS: kernel.causal_attention %
// BARRIERS: kernel.barrier
// BARRIERS-NEXT: kernel.causal_attention_adjoint
// BARRIERS-NEXT: kernel.barrier
// BARRIERS-NEXT: kernel.map add
func.func @attention(%dy: !h, %q: !h, %k: tensor<?x32xf32>) -> (!h, tensor<?x32xf32>) {
  %y, %l = llm.causal_attention %q, %k, %k heads 4 kv_heads 2 sequence 3 scale 0.25 {window = 2 : i64}
      : (!h, tensor<?x32xf32>, tensor<?x32xf32>) -> (!h, tensor<?x4xf32>)
  %dq, %dk, %dv = llm.causal_attention_adjoint %dy, %q, %k, %k, %y, %l heads 4 kv_heads 2 sequence 3
      scale 0.25 {window = 2 : i64}
      : (!h, !h, tensor<?x32xf32>, tensor<?x32xf32>, !h, tensor<?x4xf32>)
      -> (!h, tensor<?x32xf32>, tensor<?x32xf32>)
  %s = llm.add %dk, %dv : tensor<?x32xf32>
  return %dq, %s : !h, tensor<?x32xf32>
}

}
