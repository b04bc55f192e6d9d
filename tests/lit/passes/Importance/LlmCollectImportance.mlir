// RUN: %opt %s --llm-collect-importance | FileCheck %s
// RUN: %opt %s --llm-collect-importance=output=true | FileCheck %s --check-prefix=OUTPUT

!h = tensor<?x64xf32>
!f = tensor<?x96xf32>
!w = tensor<64x64x!llm.block<q4_0>>
!up = tensor<96x64xf16>
!down = tensor<64x96xf16>

llm.weight @output : !w from "output.weight"
llm.weight @q.0 : !w from "blk.{layer}.q" layers [0, 2]
llm.weight @k.0 : !w from "blk.{layer}.k" layers [0, 2]
llm.weight @up.0 : !up from "blk.{layer}.up" layers [0, 2]
llm.weight @down.0 : !down from "blk.{layer}.down" layers [0, 2]
llm.weight @q.1 : !w from "blk.{layer}.q" layers [1]
// A name that is taken.
llm.weight @importance.1 : !w from "blk.{layer}.k" layers [1]

// A row for every layer of the model: the layer's number is its index.
// CHECK: llm.state @importance.0 : !llm.column_sums<layers = 3, columns = 64> of [@q.0, @k.0]
// CHECK: llm.state @importance.2 : !llm.column_sums<layers = 3, columns = 64> of [@up.0]
// CHECK: llm.state @importance.3 : !llm.column_sums<layers = 3, columns = 96> of [@down.0]

// CHECK-LABEL: func.func private @block.0(
// CHECK-SAME: %[[H:[^:]*]]: tensor<?x64xf32>, %[[LAYER:[^:]*]]: index
func.func private @block.0(%h: !h, %layer: index, %q: !w, %k: !w, %up: !up, %down: !down) -> !h {
  // CHECK: %[[S:.*]] = llm.get_state @importance.0 : !llm.column_sums<layers = 3, columns = 64>
  // CHECK: llm.sum_squares %[[H]] into %[[S]][%[[LAYER]]] : tensor<?x64xf32>, !llm.column_sums<layers = 3, columns = 64>
  // CHECK: llm.linear %[[H]]
  // CHECK: llm.linear %[[H]]
  %0 = llm.linear %h, %q : !h, !w -> !h
  %1 = llm.linear %h, %k : !h, !w -> !h
  // Directly behind the value, which other operations may use, too.
  // CHECK: %[[SUM:.*]] = llm.add
  // CHECK: %[[S2:.*]] = llm.get_state @importance.2
  // CHECK: llm.sum_squares %[[SUM]] into %[[S2]][%[[LAYER]]]
  %2 = llm.add %0, %1 : !h
  %3 = llm.silu %2 : !h
  // CHECK: %[[UP:.*]] = llm.linear %[[SUM]]
  // CHECK: %[[S3:.*]] = llm.get_state @importance.3
  // CHECK: llm.sum_squares %[[UP]] into %[[S3]][%[[LAYER]]] : tensor<?x96xf32>, !llm.column_sums<layers = 3, columns = 96>
  %4 = llm.linear %2, %up : !h, !up -> !f
  %5 = llm.linear %4, %down : !f, !down -> !h
  %6 = llm.add %3, %5 : !h
  return %6 : !h
}

// One block's layers are one's, the other's another's.
// CHECK: llm.state @importance.4 : !llm.column_sums<layers = 3, columns = 64> of [@q.1, @importance.1]
// CHECK-LABEL: func.func private @block.1(
// CHECK: llm.sum_squares
// CHECK-NOT: llm.sum_squares
func.func private @block.1(%h: !h, %layer: index, %q: !w, %k: !w) -> !h {
  %0 = llm.linear %h, %q : !h, !w -> !h
  %1 = llm.linear %h, %k : !h, !w -> !h
  %2 = llm.add %0, %1 : !h
  return %2 : !h
}

// CHECK-LABEL: func.func @step(
// CHECK-NOT: llm.sum_squares
func.func @step(%h: !h) -> !h {
  %0 = llm.layers %h {
    blocks = [@block.0, @block.1], weights = [[@q.0, @k.0, @up.0, @down.0], [@q.1, @importance.1]],
    schedule = array<i32: 0, 1, 0>} : (!h) -> !h
  return %0 : !h
}

// What is in no block has one row.
// OUTPUT: llm.state @importance.5 : !llm.column_sums<layers = 1, columns = 64> of [@output]
// OUTPUT-LABEL: func.func @logits(
// OUTPUT-SAME: %[[X:[^:]*]]: tensor<?x64xf32>)
// OUTPUT: %[[ZERO:.*]] = arith.constant 0 : index
// OUTPUT: %[[S:.*]] = llm.get_state @importance.5
// OUTPUT: llm.sum_squares %[[X]] into %[[S]][%[[ZERO]]]
func.func @logits(%x: !h) -> !h {
  %w = llm.get_weight @output : !w
  %0 = llm.linear %x, %w : !h, !w -> !h
  return %0 : !h
}

// A matrix without a name has no entry.
// OUTPUT-LABEL: func.func private @anonymous(
// OUTPUT-NOT: llm.sum_squares
func.func private @anonymous(%x: !h, %w: !w) -> !h {
  %0 = llm.linear %x, %w : !h, !w -> !h
  return %0 : !h
}
