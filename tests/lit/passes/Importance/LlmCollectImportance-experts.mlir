// RUN: %opt %s --llm-collect-importance | FileCheck %s

!h = tensor<?x64xf32>
!l = tensor<?x4xf32>
!i = tensor<?x2xi32>
!p = tensor<?x2xf32>
!y = tensor<?x64xf32>
!z = tensor<?x128xf32>
!r = tensor<4x64xf32>
!w = tensor<4x32x64xf16>
!d = tensor<4x64x32xf16>

llm.weight @router : !r from "blk.{layer}.router" layers [0, 1]
llm.weight @gate : !w from "blk.{layer}.gate" layers [0, 1]
llm.weight @up : !w from "blk.{layer}.up" layers [0, 1]
llm.weight @down : !d from "blk.{layer}.down" layers [0, 1]

// Each expert of each layer has a row, and a column more for the number of its tokens.
// CHECK: llm.state @importance.0 : !llm.column_sums<layers = 2, columns = 64> of [@router]
// CHECK: llm.state @importance.1 : !llm.column_sums<layers = 8, columns = 65> of [@gate, @up]
// CHECK: llm.state @importance.2 : !llm.column_sums<layers = 8, columns = 33> of [@down]

// CHECK-LABEL: func.func private @block(
// CHECK-SAME: %[[H:[^:]*]]: tensor<?x64xf32>, %[[LAYER:[^:]*]]: index
func.func private @block(%h: !h, %layer: index, %r: !r, %g: !w, %u: !w, %d: !d) -> !h {
  // CHECK: llm.sum_squares %[[H]] into
  %0 = llm.linear %h, %r : !h, !r -> !l
  // CHECK: %[[I:.*]], %{{.*}} = llm.route
  %i, %p = llm.route %0 : !l -> !i, !p
  // CHECK: %[[S:.*]] = llm.get_state @importance.1
  // CHECK-NEXT: llm.expert_sum_squares %[[H]], %[[I]] into %[[S]][%[[LAYER]]] {experts = 4 : i64}
  // CHECK-NEXT: llm.expert_linear
  %1 = llm.expert_linear %h, %i, %g : !h, !i, !w -> !y
  %2 = llm.expert_linear %h, %i, %u : !h, !i, !w -> !y
  // CHECK: %[[F:.*]] = llm.swiglu
  %3 = llm.swiglu %1, %2 : !y
  // CHECK: llm.expert_sum_squares %[[F]], %[[I]] into %{{.*}}[%[[LAYER]]] {experts = 4 : i64}
  %4 = llm.expert_linear %3, %i, %d : !y, !i, !d -> !z
  %5 = llm.expert_sum %4, %p : !z, !p -> !h
  return %5 : !h
}

func.func @step(%h: !h) -> !h {
  %0 = llm.layers %h {blocks = [@block], weights = [[@router, @gate, @up, @down]], schedule = array<i32: 0, 0>} : (!h) -> !h
  return %0 : !h
}
