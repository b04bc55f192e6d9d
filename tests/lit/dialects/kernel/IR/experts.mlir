// RUN: llmc-opt %s --verify-roundtrip | llmc-opt | FileCheck %s
// RUN: llmc-opt %s --mlir-print-op-generic | llmc-opt | FileCheck %s

!r = !kernel.routing<experts = 8, top_k = 2, tile = 2>
!b = !kernel.buffer<64 x f32>
!y = !kernel.routed<!kernel.buffer<64 x f32> by !kernel.routing<experts = 8, top_k = 2, tile = 2>>
!p = !kernel.routed<!kernel.packed<64 x f32, tiles = [1, 2], corrections = [], sums = []> by !kernel.routing<experts = 8, top_k = 2, tile = 2>>
!w = tensor<8x64x64xf16, #llm.packed<rows = 16>>

// CHECK-LABEL: func.func @routing
func.func @routing(%l: !kernel.buffer<8 x f32>, %r: !r) {
  // CHECK: kernel.route %arg0, %arg1 {normalize} : <8 x f32>, !kernel.routing<experts = 8, top_k = 2, tile = 2>
  kernel.route %l, %r {normalize} : !kernel.buffer<8 x f32>, !r
  // CHECK: kernel.group_tokens %arg1 : !kernel.routing<experts = 8, top_k = 2, tile = 2>
  kernel.group_tokens %r : !r
  return
}

// CHECK-LABEL: func.func @products
func.func @products(%r: !r, %x: !b, %p: !p, %w: !w, %y: !y, %out: !b) {
  // CHECK: kernel.pack_routed %arg1, %arg2 by %arg0 {shared} : !kernel.buffer<64 x f32>, !kernel.routed<!kernel.packed<64 x f32, tiles = [1, 2], corrections = [], sums = []> by !kernel.routing<experts = 8, top_k = 2, tile = 2>>, !kernel.routing
  kernel.pack_routed %x, %p by %r {shared} : !b, !p, !r
  // CHECK: kernel.expert_matmul %arg2, %arg3, %arg4 by %arg0 :
  kernel.expert_matmul %p, %w, %y by %r : !p, !w, !y, !r
  // CHECK: kernel.expert_matmul %arg2, %arg3, %arg4 by %arg0 other %arg4 {epilogue = #kernel.epilogue<swiglu>, shared}
  kernel.expert_matmul %p, %w, %y by %r other %y {epilogue = #kernel.epilogue<swiglu>, shared} : !p, !w, !y, !r, !y
  // CHECK: kernel.expert_sum %arg4, %arg5 by %arg0 residual %arg1 :
  kernel.expert_sum %y, %out by %r residual %x : !y, !b, !r, !b
  // CHECK: kernel.expert_sum %arg4, %arg5 by %arg0 :
  kernel.expert_sum %y, %out by %r : !y, !b, !r
  return
}

// CHECK-LABEL: func.func @squares
func.func @squares(%r: !r, %x: !b, %y: !y, %s: !llm.column_sums<layers = 16, columns = 65>, %layer: index) {
  // CHECK: kernel.expert_sum_squares %arg1 into %arg3[%arg4] by %arg0
  kernel.expert_sum_squares %x into %s[%layer] by %r : !b, !llm.column_sums<layers = 16, columns = 65>, index, !r
  // CHECK: kernel.expert_sum_squares %arg2 into %arg3[%arg4] by %arg0
  kernel.expert_sum_squares %y into %s[%layer] by %r : !y, !llm.column_sums<layers = 16, columns = 65>, index, !r
  return
}
