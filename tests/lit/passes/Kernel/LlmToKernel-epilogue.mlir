// RUN: %opt %s --llm-to-kernel | FileCheck %s

// What a product does with its sums.

!h = tensor<?x64xf32>
!y = tensor<?x32xf32>
!b = tensor<32xf32>
!q4_0 = tensor<32x64x!llm.block<q4_0>, #llm.packed<rows = 16>>
!q8_0 = tensor<32x64x!llm.block<q8_0>, #llm.packed<rows = 16>>

module attributes {kernel.target = #kernel.target<dot = vnni512, tiles = [1, 2], max_rows = 8>} {

llm.weight @bias : !b from "bias"
llm.weight @q4_0 : !q4_0 from "q4_0"
llm.weight @q8_0 : !q8_0 from "q8_0"

// CHECK-LABEL: func.func @residual(
// CHECK-SAME: %[[X:[^:]*]]: {{[^%]*}}, %[[R:[^:]*]]: {{[^%]*}}, %[[OUT:[^:]*]]:
// CHECK: kernel.matmul %{{.*}}, %{{.*}}, %[[OUT]] other %[[R]] {epilogue = #kernel.epilogue<add>}
// CHECK-NEXT: return
func.func @residual(%x: !h, %r: !y) -> !y {
  %w = llm.get_weight @q4_0 : !q4_0
  %0 = llm.fused_linear %x weights(%w) residual(%r) : (!h, !q4_0, !y) -> !y
  return %0 : !y
}

// Only the first product takes it.
// CHECK-LABEL: func.func @residual_of_two(
// CHECK-SAME: %[[X:[^:]*]]: {{[^%]*}}, %[[R:[^:]*]]: {{[^%]*}}, %[[OUT:[^:]*]]: {{[^%]*}}, %[[SECOND:[^:]*]]:
// CHECK: kernel.matmul %{{.*}}, %{{.*}}, %[[OUT]] other %[[R]] {epilogue = #kernel.epilogue<add>}
// CHECK-NEXT: kernel.matmul %{{.*}}, %{{.*}}, %[[SECOND]] :
// CHECK-NEXT: return
func.func @residual_of_two(%x: !h, %r: !y) -> (!y, !y) {
  %w = llm.get_weight @q4_0 : !q4_0
  %v = llm.get_weight @q8_0 : !q8_0
  %0:2 = llm.fused_linear %x weights(%w, %v) residual(%r) : (!h, !q4_0, !q8_0, !y) -> (!y, !y)
  return %0#0, %0#1 : !y, !y
}

// The gate waits in the place of the result.
// CHECK-LABEL: func.func @swiglu(
// CHECK-SAME: %[[X:[^:]*]]: {{[^%]*}}, %[[OUT:[^:]*]]:
// CHECK: %[[G:.*]] = kernel.get_weight @q4_0
// CHECK: %[[U:.*]] = kernel.get_weight @q8_0
// CHECK: %[[B:.*]] = kernel.get_weight @bias
// CHECK: kernel.matmul %[[P:.*]], %[[G]], %[[OUT]] :
// CHECK-NEXT: kernel.matmul %[[P]], %[[U]], %[[OUT]] bias %[[B]] other %[[OUT]] {epilogue = #kernel.epilogue<swiglu>}
// CHECK-NEXT: return
func.func @swiglu(%x: !h) -> !y {
  %g = llm.get_weight @q4_0 : !q4_0
  %u = llm.get_weight @q8_0 : !q8_0
  %b = llm.get_weight @bias : !b
  %0 = llm.fused_linear %x weights(%g, %u) biases(%b)
      {activation = #llm.activation<swiglu>, biased = array<i1: false, true>} : (!h, !q4_0, !q8_0, !b) -> !y
  return %0 : !y
}


// CHECK-LABEL: func.func @gelu(
// CHECK-SAME: %[[X:[^:]*]]: {{[^%]*}}, %[[OUT:[^:]*]]:
// CHECK: kernel.matmul %{{.*}}, %{{.*}}, %[[OUT]] {epilogue = #kernel.epilogue<gelu>}
// CHECK-NEXT: return
func.func @gelu(%x: !h) -> !y {
  %w = llm.get_weight @q4_0 : !q4_0
  %0 = llm.fused_linear %x weights(%w) {activation = #llm.activation<gelu>} : (!h, !q4_0) -> !y
  return %0 : !y
}

// CHECK-LABEL: func.func @geglu(
// CHECK-SAME: %[[X:[^:]*]]: {{[^%]*}}, %[[OUT:[^:]*]]:
// CHECK: kernel.matmul %{{.*}}, %{{.*}}, %[[OUT]]
// CHECK: kernel.matmul %{{.*}}, %{{.*}}, %[[OUT]] other %[[OUT]] {epilogue = #kernel.epilogue<geglu>}
// CHECK-NEXT: return
func.func @geglu(%x: !h) -> !y {
  %w = llm.get_weight @q4_0 : !q4_0
  %v = llm.get_weight @q8_0 : !q8_0
  %0 = llm.fused_linear %x weights(%w, %v) {activation = #llm.activation<geglu>} : (!h, !q4_0, !q8_0) -> !y
  return %0 : !y
}

}
