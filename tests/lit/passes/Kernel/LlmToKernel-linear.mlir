// RUN: %opt %s --llm-to-kernel | FileCheck %s

// Linear layers: activations are packed once for all products that take them in the same form.

!h = tensor<?x64xf32>
!n = tensor<64xf32>
!b = tensor<32xf32>
!f16 = tensor<32x64xf16, #llm.packed<rows = 16>>
!f32 = tensor<32x64xf32, #llm.packed<rows = 16>>
!q4_0 = tensor<32x64x!llm.block<q4_0>, #llm.packed<rows = 16>>
!q8_0 = tensor<32x64x!llm.block<q8_0>, #llm.packed<rows = 16>>
!q4_1 = tensor<32x64x!llm.block<q4_1>, #llm.packed<rows = 16>>
!q4_K = tensor<32x256x!llm.block<q4_K>, #llm.packed<rows = 16>>
!q6_K = tensor<32x256x!llm.block<q6_K>, #llm.packed<rows = 16>>
!f16_256 = tensor<32x256xf16, #llm.packed<rows = 16>>
!y = tensor<?x32xf32>

module attributes {kernel.target = #kernel.target<dot = vnni512, tiles = [1, 2], max_rows = 8>} {

llm.weight @norm : !n from "norm"
llm.weight @bias : !b from "bias"
llm.weight @f16 : !f16 from "f16"
llm.weight @f32 : !f32 from "f32"
llm.weight @q4_0 : !q4_0 from "q4_0"
llm.weight @q8_0 : !q8_0 from "q8_0"
llm.weight @q4_1 : !q4_1 from "q4_1"
llm.weight @q4_K : !q4_K from "q4_K"
llm.weight @q6_K : !q6_K from "q6_K"
llm.weight @f16_256 : !f16_256 from "f16_256"

// CHECK-LABEL: func.func @linear(
// CHECK-SAME: %[[X:[^:]*]]: !kernel.buffer<64 x f32>, %[[OUT:[^:]*]]: !kernel.buffer<32 x f32>
// CHECK-NEXT: %[[W:.*]] = kernel.get_weight @q4_0
// CHECK-NEXT: %[[B:.*]] = kernel.get_weight @bias
// CHECK-NEXT: %[[P:.*]] = kernel.alloc at -1 : !kernel.packed<64 x i8, tiles = [1, 2], corrections = [8, 32], sums = []>
// CHECK-NEXT: kernel.pack_rows %[[X]], %[[P]] :
// CHECK-NEXT: kernel.matmul %[[P]], %[[W]], %[[OUT]] bias %[[B]] :
// CHECK-NEXT: return
func.func @linear(%x: !h) -> !y {
  %w = llm.get_weight @q4_0 : !q4_0
  %b = llm.get_weight @bias : !b
  %0 = llm.linear %x, %w bias %b : !b : !h, !q4_0 -> !y
  return %0 : !y
}

// Floats and blocks: two packings, each normalized, each for its weights only.
// CHECK-LABEL: func.func @two_packings(
// CHECK-SAME: %[[X:[^:]*]]: {{[^%]*}}, %[[O0:[^:]*]]: {{[^%]*}}, %[[O1:[^:]*]]: {{[^%]*}}, %[[O2:[^:]*]]:
// CHECK: %[[N:.*]] = kernel.get_weight @norm
// CHECK: %[[W0:.*]] = kernel.get_weight @f16 :
// CHECK: %[[W1:.*]] = kernel.get_weight @q8_0
// CHECK: %[[W2:.*]] = kernel.get_weight @f32
// CHECK: %[[B:.*]] = kernel.get_weight @bias
// CHECK-NEXT: %[[F:.*]] = kernel.alloc at -1 : !kernel.packed<64 x f32, tiles = [1, 2], corrections = [], sums = []>
// CHECK-NEXT: kernel.pack_rows %[[X]], %[[F]] norm %[[N]] {eps = 5.000000e-01 : f32}
// CHECK-NEXT: %[[I:.*]] = kernel.alloc at -1 : !kernel.packed<64 x i8, tiles = [1, 2], corrections = [128, 32], sums = []>
// CHECK-NEXT: kernel.pack_rows %[[X]], %[[I]] norm %[[N]] {eps = 5.000000e-01 : f32}
// CHECK-NEXT: kernel.matmul %[[F]], %[[W0]], %[[O0]] : !kernel.packed<64 x f32,
// CHECK-NEXT: kernel.matmul %[[I]], %[[W1]], %[[O1]] : !kernel.packed<64 x i8,
// CHECK-NEXT: kernel.matmul %[[F]], %[[W2]], %[[O2]] bias %[[B]] : !kernel.packed<64 x f32,
// CHECK-NEXT: return
func.func @two_packings(%x: !h) -> (!y, !y, !y) {
  %n = llm.get_weight @norm : !n
  %a = llm.get_weight @f16 : !f16
  %b = llm.get_weight @q8_0 : !q8_0
  %c = llm.get_weight @f32 : !f32
  %bias = llm.get_weight @bias : !b
  %0:3 = llm.fused_linear %x norm(%n) weights(%a, %b, %c) biases(%bias)
      {eps = 0.5 : f32, biased = array<i1: false, false, true>}
      : (!h, !n, !f16, !q8_0, !f32, !b) -> (!y, !y, !y)
  return %0#0, %0#1, %0#2 : !y, !y, !y
}

// One packing has what every format needs, once: corrections for offsets, sums for minimums.
// CHECK-LABEL: func.func @one_packing(
// CHECK: %[[P:.*]] = kernel.alloc at -1 : !kernel.packed<64 x i8, tiles = [1, 2], corrections = [8, 32, 128, 32], sums = [32]>
// CHECK-NEXT: kernel.pack_rows %{{.*}}, %[[P]] :
// CHECK-COUNT-5: kernel.matmul %[[P]]
// CHECK-NEXT: return
func.func @one_packing(%x: !h) -> (!y, !y, !y, !y, !y) {
  %a = llm.get_weight @q4_0 : !q4_0
  %b = llm.get_weight @q8_0 : !q8_0
  %c = llm.get_weight @q4_1 : !q4_1
  %0:5 = llm.fused_linear %x weights(%a, %b, %a, %c, %c)
      : (!h, !q4_0, !q8_0, !q4_0, !q4_1, !q4_1) -> (!y, !y, !y, !y, !y)
  return %0#0, %0#1, %0#2, %0#3, %0#4 : !y, !y, !y, !y, !y
}

// Columns are padded to whole units of each weight: one block of Q4_K, two of Q6_K. Floats need none.
// CHECK-LABEL: func.func @padding(
// CHECK: kernel.alloc at -1 : !kernel.packed<256 x i8, tiles = [1, 2], corrections = [], sums = [32]>
// CHECK: kernel.alloc at -1 : !kernel.packed<256 x f32, tiles = [1, 2], corrections = [], sums = []>
// CHECK: kernel.alloc at -1 : !kernel.packed<512 x i8, tiles = [1, 2], corrections = [32, 16], sums = [32]>
// CHECK-NOT: kernel.alloc
func.func @padding(%x: tensor<?x256xf32>) -> (!y, !y, !y, !y) {
  %a = llm.get_weight @q4_K : !q4_K
  %b = llm.get_weight @q6_K : !q6_K
  %c = llm.get_weight @f16_256 : !f16_256
  %0 = llm.linear %x, %a : tensor<?x256xf32>, !q4_K -> !y
  %1:3 = llm.fused_linear %x weights(%a, %b, %c) : (tensor<?x256xf32>, !q4_K, !q6_K, !f16_256) -> (!y, !y, !y)
  return %0, %1#0, %1#1, %1#2 : !y, !y, !y, !y
}

}
