// RUN: llmc-opt %s --verify-roundtrip | llmc-opt | FileCheck %s
// RUN: llmc-opt %s --mlir-print-op-generic | llmc-opt | FileCheck %s

!b = !kernel.buffer<64 x f32>
!p = !kernel.packed<64 x i8, tiles = [1, 2], corrections = [8, 32], sums = []>
!w = tensor<64x64x!llm.block<q4_0>, #llm.packed<rows = 16>>

// CHECK-LABEL: func.func @matmul
func.func @matmul(%x: !p, %w: !w, %out: !b, %bias: tensor<64xf32>, %other: !b) {
  // CHECK: kernel.matmul %arg0, %arg1, %arg2 :
  // CHECK-SAME: !kernel.packed<64 x i8, tiles = [1, 2], corrections = [8, 32], sums = []>, tensor<64x64x!llm.block<q4_0>, #llm.packed<rows = 16>>, !kernel.buffer<64 x f32>
  kernel.matmul %x, %w, %out {epilogue = #kernel.epilogue<store>} : !p, !w, !b
  // CHECK: kernel.matmul %arg0, %arg1, %arg2 bias %arg3 :
  kernel.matmul %x, %w, %out bias %bias : !p, !w, !b, tensor<64xf32>
  // CHECK: kernel.matmul %arg0, %arg1, %arg2 other %arg4 {epilogue = #kernel.epilogue<add>}
  kernel.matmul %x, %w, %out other %other {epilogue = #kernel.epilogue<add>} : !p, !w, !b, !b
  // CHECK: kernel.matmul %arg0, %arg1, %arg2 bias %arg3 other %arg2 {epilogue = #kernel.epilogue<swiglu>}
  kernel.matmul %x, %w, %out bias %bias other %out {epilogue = #kernel.epilogue<swiglu>}
      : !p, !w, !b, tensor<64xf32>, !b
  return
}
