// RUN: %opt %s --llm-mark-active | FileCheck %s

!t = tensor<?x64xf32>
!a = tensor<8x64xf32>
llm.parameter @a : !a from "a"

// Only what is between the parameter and a result.
// CHECK-LABEL: func.func @between(
// CHECK-SAME: %[[X:.*]]: tensor<?x64xf32>) -> (tensor<?x64xf32>, tensor<?x8xf32>)
func.func @between(%x: !t) -> (!t, tensor<?x8xf32>) attributes {llm.differentiate} {
  // CHECK-NEXT: %[[A:.*]] = llm.get_parameter @a {llm.active}
  %a = llm.get_parameter @a : !a
  // CHECK-NEXT: %[[S:.*]] = llm.silu %[[X]] :
  %s = llm.silu %x : !t
  // CHECK-NEXT: %[[U:.*]] = llm.matmul %[[S]], %[[A]] transposed {llm.active} :
  %u = llm.matmul %s, %a transposed : !t, !a -> tensor<?x8xf32>
  // CHECK-NEXT: llm.silu %[[U]] :
  %unused = llm.silu %u : tensor<?x8xf32>
  return %s, %u : !t, tensor<?x8xf32>
}

// Functions that nobody asked to differentiate stay as they are.
// CHECK-LABEL: func.func @other(
// CHECK-NOT: llm.active
func.func @other(%x: !t) -> tensor<?x8xf32> {
  %a = llm.get_parameter @a : !a
  %u = llm.matmul %x, %a transposed : !t, !a -> tensor<?x8xf32>
  return %u : tensor<?x8xf32>
}

// -----
!t = tensor<?x64xf32>
!a = tensor<64x64xf32>
llm.weight @w : tensor<64x64xf16> from "blk.{layer}.w" layers [0, 1]
llm.parameter @a : !a from "blk.{layer}.a" layers [0, 1]

// A block with a parameter: its hidden state and that parameter, not its weights and what is shared.
// CHECK-LABEL: func.func private @block(
// CHECK-SAME: tensor<?x64xf32> {llm.active}, %{{[a-z0-9]*}}: index, %{{[a-z0-9]*}}: tensor<?x64xf32>, %{{[a-z0-9]*}}: tensor<64x64xf16>, %{{[a-z0-9]*}}: tensor<64x64xf32> {llm.active})
func.func private @block(%h: !t, %layer: index, %s: !t, %w: tensor<64x64xf16>, %a: !a) -> !t {
  // CHECK-NEXT: llm.silu %{{[a-z0-9]*}} :
  %0 = llm.silu %s : !t
  // CHECK-NEXT: llm.linear {{.*}} {llm.active}
  %1 = llm.linear %h, %w : !t, tensor<64x64xf16> -> !t
  // CHECK-NEXT: llm.mul {{.*}} {llm.active}
  %2 = llm.mul %0, %1 : !t
  // CHECK-NEXT: llm.matmul {{.*}} {llm.active}
  %3 = llm.matmul %2, %a : !t, !a -> !t
  return %3 : !t
}
// CHECK-LABEL: func.func @f(
func.func @f(%x: !t) -> !t attributes {llm.differentiate} {
  // CHECK-NEXT: llm.silu %{{[a-z0-9]*}} :
  %0 = llm.silu %x : !t
  // CHECK-NEXT: llm.layers {{.*}}llm.active
  %1 = llm.layers %0 shared(%x) {blocks = [@block], weights = [[@w, @a]], schedule = array<i32: 0, 0>} : (!t, !t) -> !t
  return %1 : !t
}
