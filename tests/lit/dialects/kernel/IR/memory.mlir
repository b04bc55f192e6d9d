// RUN: llmc-opt %s --verify-roundtrip | llmc-opt | FileCheck %s
// RUN: llmc-opt %s --mlir-print-op-generic | llmc-opt | FileCheck %s

// CHECK-LABEL: func.func @alloc
func.func @alloc() {
  // CHECK: kernel.alloc at -1 : !kernel.buffer<64 x f32>
  %a = kernel.alloc at -1 : !kernel.buffer<64 x f32>
  // CHECK: kernel.alloc at 128 : !kernel.packed<64 x f32, tiles = [1], corrections = [], sums = []>
  %b = kernel.alloc at 128 : !kernel.packed<64 x f32, tiles = [1], corrections = [], sums = []>
  // CHECK: kernel.barrier
  kernel.barrier
  return
}

// CHECK-LABEL: func.func @symbols
func.func @symbols(%i: index) {
  // CHECK: kernel.get_weight @w : tensor<64xf32>
  %w = kernel.get_weight @w : tensor<64xf32>
  // CHECK: kernel.get_weight @blk.q[%arg0] : tensor<64x64x!llm.block<q4_0>, #llm.packed<rows = 16>>
  %q = kernel.get_weight @blk.q[%i] : tensor<64x64x!llm.block<q4_0>, #llm.packed<rows = 16>>
  // CHECK: kernel.get_state @kv : !llm.kv_cache<layers = 2, heads = 4, key = 32 x f16, value = 32 x f16>
  %kv = kernel.get_state @kv : !llm.kv_cache<layers = 2, heads = 4, key = 32 x f16, value = 32 x f16>
  return
}

// CHECK-LABEL: func.func @pack
func.func @pack(%source: index, %packed: index, %rows: index, %columns: index) {
  // CHECK: kernel.pack %arg0 to %arg1 rows %arg2 columns %arg3 as !llm.block<q4_K>
  kernel.pack %source to %packed rows %rows columns %columns as !llm.block<q4_K>
  // CHECK: kernel.pack %arg0 to %arg1 rows %arg2 columns %arg3 as f16
  kernel.pack %source to %packed rows %rows columns %columns as f16
  return
}
