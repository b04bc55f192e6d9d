// RUN: %opt %s --llm-mark-active --llm-build-adjoints --llm-save-activations | FileCheck %s --check-prefixes=CHECK,AGAIN
// RUN: %opt %s --llm-mark-active --llm-build-adjoints --llm-save-activations=gradient-checkpointing=false | FileCheck %s --check-prefixes=CHECK,KEEP
// RUN: %opt %s --llm-mark-active --llm-build-adjoints --llm-save-activations="gradient-checkpointing=false rows=10 memory-budget=5120" | FileCheck %s --check-prefixes=CHECK,KEEP
// RUN: %opt %s --llm-mark-active --llm-build-adjoints --llm-save-activations="gradient-checkpointing=false rows=10 memory-budget=5119" | FileCheck %s --check-prefixes=CHECK,AGAIN
// RUN: not llmc-opt %s --llm-mark-active --llm-build-adjoints --llm-save-activations="rows=0" 2>&1 | FileCheck %s --check-prefix=ROWS
// ROWS: llm-save-activations needs at least one row and a budget that is not negative

!t = tensor<?x64xf32>
!w = tensor<64x64xf16>
!a = tensor<64x64xf32>
llm.weight @w : !w from "blk.{layer}.w" layers [0, 1]
llm.parameter @a : !a from "blk.{layer}.a" layers [0, 1]

// The linear's result is worth its 2 layers x 10 rows x 64 x 4 bytes, and then the hidden state is not
// needed. The last product is not needed in any case, and the silu is computed again in any case.
// AGAIN-LABEL: func.func private @block.adjoint(
// AGAIN-SAME: %[[DY:.*]]: tensor<?x64xf32>, %{{.*}}: index, %[[H:.*]]: tensor<?x64xf32>, %[[W:.*]]: tensor<64x64xf16>, %[[A:.*]]: tensor<64x64xf32>)
// AGAIN-NEXT: %[[L:.*]] = llm.linear %[[H]], %[[W]] :
// KEEP-LABEL: func.func private @block.adjoint(
// KEEP-SAME: %[[DY:.*]]: tensor<?x64xf32>, %{{.*}}: index, %[[L:.*]]: tensor<?x64xf32>, %[[W:.*]]: tensor<64x64xf16>, %[[A:.*]]: tensor<64x64xf32>)
// CHECK-NEXT: %[[S:.*]] = llm.silu %[[L]] :
// CHECK-NEXT: %[[DS:.*]] = llm.matmul %[[DY]], %[[A]] transposed :
// CHECK-NEXT: llm.outer %[[S]], %[[DY]]
// CHECK-NEXT: llm.silu_adjoint %[[DS]], %[[L]]
// CHECK-LABEL: func.func private @block.forward(
// CHECK-SAME: %[[H:[a-z0-9]*]]: tensor<?x64xf32>
// CHECK-NEXT: %[[L:.*]] = llm.linear
// CHECK: %[[Y:.*]] = llm.matmul
// AGAIN-NEXT: return %[[Y]], %[[H]]
// KEEP-NEXT: return %[[Y]], %[[L]]
func.func private @block(%h: !t, %layer: index, %w: !w, %a: !a) -> !t {
  %0 = llm.linear %h, %w : !t, !w -> !t
  %1 = llm.silu %0 : !t
  %2 = llm.matmul %1, %a : !t, !a -> !t
  return %2 : !t
}
// CHECK-LABEL: func.func @f.gradient(
// CHECK-NEXT: %[[Y:.*]], %[[SAVED:.*]] = llm.layers {{.*}} -> (tensor<?x64xf32>, tensor<2x?x64xf32>)
// CHECK-NEXT: llm.layers_adjoint %{{.*}} saved(%[[SAVED]])
// CHECK-NEXT: return %[[Y]]
func.func @f(%x: !t) -> !t attributes {llm.differentiate} {
  %1 = llm.layers %x {blocks = [@block], weights = [[@w, @a]], schedule = array<i32: 0, 0>} : (!t) -> !t
  return %1 : !t
}
