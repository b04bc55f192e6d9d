// RUN: %opt %s --kernel-to-vector | FileCheck %s

!r = !kernel.routing<experts = 8, top_k = 2, tile = 2>
!b = !kernel.buffer<64 x f32>
!y = !kernel.routed<!kernel.buffer<64 x f32> by !kernel.routing<experts = 8, top_k = 2, tile = 2>>
!p = !kernel.routed<!kernel.packed<64 x f32, tiles = [1, 2], corrections = [], sums = []> by !kernel.routing<experts = 8, top_k = 2, tile = 2>>
!w = tensor<8x64x64xf16, #llm.packed<rows = 16>>

module attributes {kernel.target = #kernel.target<dot = plain, tiles = [1, 2], max_rows = 9>} {

llm.weight @w : !w from "w"

// The runtime fills the table: each thread chooses for its tokens, one groups them.
// CHECK-LABEL: func.func @routing(
// CHECK: call @llmc_route(
// CHECK: scf.if
// CHECK: call @llmc_group_tokens(
func.func @routing(%l: !kernel.buffer<8 x f32>) {
  %r = kernel.alloc at 0 : !r
  kernel.route %l, %r : !kernel.buffer<8 x f32>, !r
  kernel.group_tokens %r : !r
  return
}

// Each run of the table is a call of the function that any product of these weights is, for as many
// tokens as the run has; a matrix has 64 x 64 halves.
// CHECK-LABEL: func.func @products(
// CHECK: scf.for
// CHECK: scf.if
// CHECK: arith.constant 8192 : i64
// CHECK: func.call @matmul.f16.store(
// CHECK: call @"expert_sum.residual
func.func @products(%p: !p, %y: !y, %h: !b, %out: !b) {
  %w = kernel.get_weight @w : !w
  %r = kernel.alloc at 0 : !r
  kernel.expert_matmul %p, %w, %y by %r : !p, !w, !y, !r
  kernel.expert_sum %y, %out by %r residual %h : !y, !b, !r, !b
  return
}

// What all experts share is packed once in a step of one token.
// CHECK-LABEL: func.func @packing(
// CHECK: call @"pack_routed.{{.*}}.64.shared"
func.func @packing(%x: !b, %p: !p) {
  %r = kernel.alloc at 0 : !r
  kernel.pack_routed %x, %p by %r {shared} : !b, !p, !r
  return
}

// CHECK: func.func private @matmul.f16.store(
// CHECK: call @matmul.f16.t1(
// CHECK: call @matmul.f16.t2(

}
