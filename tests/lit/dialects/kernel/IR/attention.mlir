// RUN: llmc-opt %s --verify-roundtrip | llmc-opt | FileCheck %s
// RUN: llmc-opt %s --mlir-print-op-generic | llmc-opt | FileCheck %s

!q = !kernel.buffer<64 x f32>
!k = !kernel.buffer<32 x f32>
!t = !kernel.buffer<16 x f32>
!parts = !kernel.parts<heads = 2, queries = 2, value = 16>
!kv = !llm.kv_cache<layers = 2, heads = 2, key = 16 x f16, value = 16 x f16>

// CHECK-LABEL: func.func @attention
func.func @attention(%q: !q, %k: !k, %v: !k, %kv: !kv, %layer: index, %start: index, %t: !t, %parts: !parts, %out: !q) {
  // CHECK: kernel.cache_write %arg1, %arg2, %arg3[%arg4] at %arg5 :
  // CHECK-SAME: !kernel.buffer<32 x f32>, !kernel.buffer<32 x f32>, !llm.kv_cache<layers = 2, heads = 2, key = 16 x f16, value = 16 x f16>, index, index
  kernel.cache_write %k, %v, %kv[%layer] at %start : !k, !k, !kv, index, index
  // CHECK: kernel.cache_write %arg1, %arg2, %arg3[%arg4] at %arg5 rope %arg6 : {{.*}}, !kernel.buffer<16 x f32>
  kernel.cache_write %k, %v, %kv[%layer] at %start rope %t : !k, !k, !kv, index, index, !t
  // CHECK: kernel.attention %arg0, %arg3[%arg4] at %arg5, %arg8 parts %arg7 {scale = 2.500000e-01 : f32, window = 0 : i64}
  // CHECK-SAME: !kernel.parts<heads = 2, queries = 2, value = 16>
  kernel.attention %q, %kv[%layer] at %start, %out parts %parts {scale = 0.25 : f32, window = 0 : i64}
      : !q, !kv, index, index, !q, !parts
  // CHECK: kernel.attention %arg0, %arg3[%arg4] at %arg5, %arg8 parts %arg7 rope %arg6 {scale = 2.500000e-01 : f32, window = 9 : i64}
  kernel.attention %q, %kv[%layer] at %start, %out parts %parts rope %t {scale = 0.25 : f32, window = 9 : i64}
      : !q, !kv, index, index, !q, !parts, !t
  // CHECK: kernel.merge_parts %arg7 at %arg5, %arg8 {window = 9 : i64} : !kernel.parts<heads = 2, queries = 2, value = 16>, index, !kernel.buffer<64 x f32>
  kernel.merge_parts %parts at %start, %out {window = 9 : i64} : !parts, index, !q
  return
}

// CHECK-LABEL: func.func @layers
func.func @layers(%a: !q, %b: !q, %t: !t, %kv: !kv, %start: index) {
  // CHECK: kernel.layers %arg0, %arg1 shared(%arg2, %arg3, %arg4) {blocks = [@block.0], schedule = array<i32: 0, 0>} :
  // CHECK-SAME: !kernel.buffer<64 x f32>, !kernel.buffer<64 x f32>, !kernel.buffer<16 x f32>, !llm.kv_cache<{{.*}}>, index
  kernel.layers %a, %b shared(%t, %kv, %start) {blocks = [@block.0], schedule = array<i32: 0, 0>}
      : !q, !q, !t, !kv, index
  // CHECK: kernel.layers %arg0, %arg1 {blocks = [@block.0], schedule = array<i32: 0>} : !kernel.buffer<64 x f32>, !kernel.buffer<64 x f32>
  kernel.layers %a, %b {blocks = [@block.0], schedule = array<i32: 0>} : !q, !q
  return
}
