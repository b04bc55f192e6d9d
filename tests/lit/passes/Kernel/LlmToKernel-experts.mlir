// RUN: %opt %s --llm-to-kernel | FileCheck %s

// Experts: one table says which tokens go to whom; activations are packed, and products stay, in
// its order.

!x = tensor<?x64xf32>
!l = tensor<?x8xf32>
!i = tensor<?x2xi32>
!p = tensor<?x2xf32>
!w = tensor<8x32x64xf16, #llm.packed<rows = 16>>
!q = tensor<8x32x64x!llm.block<q4_0>, #llm.packed<rows = 16>>
!d = tensor<8x64x32x!llm.block<q8_0>, #llm.packed<rows = 16>>
!y = tensor<?x64xf32>
!s = tensor<?x128xf32>

module attributes {kernel.target = #kernel.target<dot = vnni512, tiles = [1, 2], max_rows = 8>} {

llm.weight @gate : !w from "gate"
llm.weight @up : !q from "up"
llm.weight @down : !d from "down"
llm.state @sums : !llm.column_sums<layers = 8, columns = 65> of [@gate, @up]

// CHECK-LABEL: func.func @layer(
// CHECK-SAME: %[[L:.*]]: !kernel.buffer<8 x f32>, %[[X:.*]]: !kernel.buffer<64 x f32>, %[[H:.*]]: !kernel.buffer<64 x f32>, %[[OUT:.*]]: !kernel.buffer<64 x f32>)
func.func @layer(%l: !l, %x: !x, %h: !x) -> !x {
  // CHECK: %[[R:.*]] = kernel.alloc at -1 : !kernel.routing<experts = 8, top_k = 2, tile = 2>
  // CHECK-NEXT: kernel.route %[[L]], %[[R]] {normalize}
  // CHECK-NEXT: kernel.group_tokens %[[R]]
  %i, %p = llm.route %l {normalize} : !l -> !i, !p
  %wg = llm.get_weight @gate : !w
  %wu = llm.get_weight @up : !q
  %wd = llm.get_weight @down : !d
  // CHECK: %[[G:.*]] = kernel.get_weight @gate
  // CHECK: %[[U:.*]] = kernel.get_weight @up
  // CHECK: %[[D:.*]] = kernel.get_weight @down
  // CHECK: %[[F:.*]] = kernel.alloc at -1 : !kernel.routed<!kernel.packed<64 x f32, tiles = [1, 2], corrections = [], sums = []> by !kernel.routing<experts = 8, top_k = 2, tile = 2>>
  // CHECK-NEXT: kernel.pack_routed %[[X]], %[[F]] by %[[R]] {shared}
  // CHECK-NEXT: %[[I:.*]] = kernel.alloc at -1 : !kernel.routed<!kernel.packed<64 x i8, tiles = [1, 2], corrections = [8, 32], sums = []> by
  // CHECK-NEXT: kernel.pack_routed %[[X]], %[[I]] by %[[R]] {shared}
  // CHECK-NEXT: %[[S:.*]] = kernel.alloc at -1 : !kernel.routed<!kernel.buffer<32 x f32> by
  // CHECK-NEXT: kernel.expert_matmul %[[F]], %[[G]], %[[S]] by %[[R]] {shared}
  // CHECK-NEXT: kernel.expert_matmul %[[I]], %[[U]], %[[S]] by %[[R]] other %[[S]] {epilogue = #kernel.epilogue<swiglu>, shared}
  %s = llm.expert_swiglu %x, %i, %wg, %wu : !x, !i, !w, !q -> !y
  // CHECK-NEXT: %[[DP:.*]] = kernel.alloc at -1 : !kernel.routed<!kernel.packed<64 x i8, tiles = [1, 2], corrections = [128, 32], sums = []> by
  // CHECK-NEXT: kernel.pack_routed %[[S]], %[[DP]] by %[[R]] :
  // CHECK-NEXT: %[[Y:.*]] = kernel.alloc at -1 : !kernel.routed<!kernel.buffer<64 x f32> by
  // CHECK-NEXT: kernel.expert_matmul %[[DP]], %[[D]], %[[Y]] by %[[R]] :
  %d = llm.expert_linear %s, %i, %wd : !y, !i, !d -> !s
  // CHECK-NEXT: kernel.expert_sum %[[Y]], %[[OUT]] by %[[R]] residual %[[H]]
  %z = llm.expert_sum %d, %p residual %h : !s, !p, !x -> !x
  return %z : !x
}

// CHECK-LABEL: func.func @measured(
func.func @measured(%l: !l, %x: !x) {
  // CHECK: %[[R:.*]] = kernel.alloc at -1 : !kernel.routing
  %i, %p = llm.route %l : !l -> !i, !p
  %s = llm.get_state @sums : !llm.column_sums<layers = 8, columns = 65>
  %0 = arith.constant 0 : index
  // CHECK: kernel.expert_sum_squares %{{.*}} into %{{.*}}[%{{.*}}] by %[[R]]
  llm.expert_sum_squares %x, %i into %s[%0] {experts = 8 : i64}
      : !x, !i, !llm.column_sums<layers = 8, columns = 65>
  return
}

}
