// RUN: %opt %s --llm-mark-active --llm-build-adjoints | FileCheck %s

!t = tensor<?x64xf32>
!u = tensor<?x8xf32>
!a = tensor<8x64xf32>
llm.parameter @a : !a from "a"

// The function stays for evaluation, without marks.
// CHECK-LABEL: func.func @f(
// CHECK-NOT: llm.active
// CHECK: return
// CHECK-LABEL: func.func @f.gradient(
// CHECK-SAME: %[[X:.*]]: tensor<?x64xf32>, %[[DY:.*]]: tensor<?x8xf32>) -> tensor<?x8xf32> {
func.func @f(%x: !t) -> !u attributes {llm.differentiate} {
  // CHECK-NEXT: %[[A:.*]] = llm.get_parameter @a :
  // CHECK-NEXT: %[[U:.*]] = llm.matmul %[[X]], %[[A]] transposed :
  // CHECK-NEXT: %[[S:.*]] = llm.silu %[[U]]
  // CHECK-NEXT: %[[Y:.*]] = llm.mul %[[S]], %[[U]]
  %a = llm.get_parameter @a : !a
  %u = llm.matmul %x, %a transposed : !t, !a -> !u
  %s = llm.silu %u : !u
  %y = llm.mul %s, %u : !u
  // Two ways lead from %u to the result, and their derivatives add up.
  // CHECK-NEXT: %[[DS:.*]] = llm.mul %[[DY]], %[[U]]
  // CHECK-NEXT: %[[DU0:.*]] = llm.mul %[[DY]], %[[S]]
  // CHECK-NEXT: %[[DU1:.*]] = llm.silu_adjoint %[[DS]], %[[U]]
  // CHECK-NEXT: %[[DU:.*]] = llm.add %[[DU0]], %[[DU1]]
  // Nothing is built for %x.
  // CHECK-NEXT: %[[DA:.*]] = llm.outer %[[DU]], %[[X]] :
  // CHECK-NEXT: llm.accumulate_gradient %[[DA]] into @a :
  // CHECK-NEXT: return %[[Y]]
  return %y : !u
}

// -----
!t = tensor<?x64xf32>
!a = tensor<64x64xf32>
llm.weight @w : tensor<64x64xf16> from "blk.{layer}.w" layers [0, 1]
llm.parameter @a : !a from "blk.{layer}.a" layers [0, 1]

// CHECK-LABEL: func.func private @block(
// CHECK-LABEL: func.func private @block.adjoint(
// CHECK-SAME: %[[DY:.*]]: tensor<?x64xf32>, %[[LAYER:.*]]: index, %[[S:.*]]: tensor<?x64xf32>, %[[H:.*]]: tensor<?x64xf32>, %[[W:.*]]: tensor<64x64xf16>, %[[A:.*]]: tensor<64x64xf32>) -> tensor<?x64xf32>
func.func private @block(%h: !t, %layer: index, %s: !t, %w: tensor<64x64xf16>, %a: !a) -> !t {
  // CHECK-NEXT: %[[L:.*]] = llm.linear %[[H]], %[[W]] {llm.primal = 0 : i64}
  %0 = llm.linear %h, %w : !t, tensor<64x64xf16> -> !t
  // CHECK-NEXT: %[[M:.*]] = llm.mul %[[S]], %[[L]] {llm.primal = 1 : i64}
  %1 = llm.mul %s, %0 : !t
  // CHECK-NEXT: llm.matmul %[[M]], %[[A]] scale 2.000000e+00 {llm.primal = 2 : i64}
  %2 = llm.matmul %1, %a scale 2.0 : !t, !a -> !t
  // CHECK-NEXT: %[[DM:.*]] = llm.matmul %[[DY]], %[[A]] transposed scale 2.000000e+00 :
  // CHECK-NEXT: %[[DA:.*]] = llm.outer %[[M]], %[[DY]] scale 2.000000e+00
  // CHECK-NEXT: %[[DL:.*]] = llm.mul %[[DM]], %[[S]] :
  // CHECK-NEXT: %[[DH:.*]] = llm.linear_transposed %[[DL]], %[[W]] :
  // CHECK-NEXT: llm.accumulate_gradient %[[DA]] into @a[%[[LAYER]]]
  // CHECK-NEXT: return %[[DH]]
  return %2 : !t
}
// CHECK-LABEL: func.func private @block.forward(
// CHECK-SAME: %[[H:[a-z0-9]*]]: tensor<?x64xf32>
// CHECK-SAME: -> (tensor<?x64xf32>, tensor<?x64xf32>)
// CHECK: return %{{.*}}, %[[H]]

// CHECK-LABEL: func.func @f(
// CHECK: blocks = [@block],
// CHECK-LABEL: func.func @f.gradient(
// CHECK-SAME: %[[X:.*]]: tensor<?x64xf32>, %[[DY:.*]]: tensor<?x64xf32>)
func.func @f(%x: !t) -> !t attributes {llm.differentiate} {
  // CHECK: %[[Y:.*]], %[[SAVED:.*]] = llm.layers %[[X]] shared(%[[X]]) {blocks = [@block.forward], schedule = array<i32: 0, 0>, weights = {{\[}}[@w, @a]]} : {{.*}} -> (tensor<?x64xf32>, tensor<2x?x64xf32>)
  // CHECK-NEXT: llm.layers_adjoint %[[DY]] saved(%[[SAVED]]) shared(%[[X]]) {blocks = [@block.adjoint], schedule = array<i32: 0, 0>, weights = {{\[}}[@w, @a]]}
  // CHECK-NEXT: return %[[Y]]
  %1 = llm.layers %x shared(%x) {blocks = [@block], weights = [[@w, @a]], schedule = array<i32: 0, 0>} : (!t, !t) -> !t
  return %1 : !t
}
