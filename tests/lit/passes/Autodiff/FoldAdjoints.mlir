// RUN: %opt %s --llm-fold-adjoints | FileCheck %s

!t = tensor<?x64xf32>
!w = tensor<64x64xf16>
!a = tensor<64x64xf32>
llm.parameter @a : !a from "a"

// The derivatives by what query, key and value share: each product adds to the one before.
// CHECK-LABEL: func.func @chain(
// CHECK-SAME: %[[X:.*]]: tensor<?x64xf32>, %[[W:.*]]: tensor<64x64xf16>, %[[A:.*]]: tensor<64x64xf32>)
func.func @chain(%x: !t, %w: !w, %a: !a) -> !t {
  // CHECK-NEXT: %[[V:.*]] = llm.linear_transposed %[[X]], %[[W]] :
  // CHECK-NEXT: %[[K:.*]] = llm.matmul %[[X]], %[[A]] transposed scale 2.000000e+00 plus %[[V]] :
  // CHECK-NEXT: %[[Q:.*]] = llm.linear_transposed %[[X]], %[[W]] plus %[[K]] :
  // CHECK-NEXT: return %[[Q]]
  %v = llm.linear_transposed %x, %w : !t, !w -> !t
  %k = llm.matmul %x, %a transposed scale 2.0 : !t, !a -> !t
  %s = llm.add %v, %k : !t
  %q = llm.linear_transposed %x, %w : !t, !w -> !t
  %r = llm.add %q, %s : !t
  return %r : !t
}

// Products with other uses, or that add to something already, stay.
// CHECK-LABEL: func.func @other_uses(
func.func @other_uses(%x: !t, %w: !w) -> (!t, !t) {
  // CHECK-NEXT: llm.linear_transposed
  // CHECK-NEXT: llm.add
  // CHECK-NEXT: llm.linear_transposed %{{.*}}, %{{.*}} plus %{{.*}} :
  // CHECK-NEXT: llm.add
  // CHECK-NEXT: return
  %0 = llm.linear_transposed %x, %w : !t, !w -> !t
  %1 = llm.add %0, %x : !t
  %2 = llm.linear_transposed %0, %w plus %x : !t : !t, !w -> !t
  %3 = llm.add %1, %2 : !t
  return %1, %3 : !t, !t
}

// CHECK-LABEL: func.func @zero(
// CHECK-SAME: %[[X:.*]]: tensor<?x64xf32>,
func.func @zero(%x: !t, %a: !a) -> !t {
  // CHECK-NEXT: return %[[X]]
  %0 = llm.matmul %x, %a scale 0.0 plus %x : !t : !t, !a -> !t
  %1 = llm.outer %x, %x scale 0.0 : !t, !t -> !a
  llm.accumulate_gradient %1 into @a : !a
  return %0 : !t
}

// CHECK-LABEL: func.func @dead(
func.func @dead(%x: !t) -> !t {
  // CHECK-NEXT: return
  %0, %1 = llm.swiglu_adjoint %x, %x, %x : !t
  %2 = llm.silu_adjoint %0, %1 : !t
  return %x : !t
}

// -----
// CHECK-LABEL: func.func @inference(
func.func @inference(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  // CHECK-NEXT: llm.silu
  %0 = llm.silu %x : tensor<?x64xf32>
  return %x : tensor<?x64xf32>
}
