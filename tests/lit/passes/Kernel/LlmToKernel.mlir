// RUN: %opt %s --llm-to-kernel | FileCheck %s

// What each operation becomes. A value that is returned is written to its place at once; any other gets
// a buffer.

!h = tensor<?x64xf32>
!k = tensor<?x32xf32>
!t = tensor<?x4xf32>
!kv = !llm.kv_cache<layers = 2, heads = 2, key = 16 x f16, value = 16 x f16>

module attributes {kernel.target = #kernel.target<dot = vnni512, tiles = [1, 2], max_rows = 8>} {

llm.weight @embedding : tensor<100x64xf16> from "embedding"
llm.weight @norm : tensor<64xf32> from "norm"
llm.weight @factors : tensor<2xf32> from "factors"
llm.state @kv : !kv

// CHECK-LABEL: func.func @norm_of_rows(
// CHECK-SAME: %[[TOKENS:.*]]: !kernel.buffer<1 x i32>, %[[OUT:.*]]: !kernel.buffer<64 x f32>) {
// CHECK-NEXT: %[[E:.*]] = kernel.get_weight @embedding : tensor<100x64xf16>
// CHECK-NEXT: %[[X:.*]] = kernel.alloc at -1 : !kernel.buffer<64 x f32>
// CHECK-NEXT: kernel.embed %[[TOKENS]], %[[E]], %[[X]] : !kernel.buffer<1 x i32>, tensor<100x64xf16>, !kernel.buffer<64 x f32>
// CHECK-NEXT: %[[N:.*]] = kernel.get_weight @norm : tensor<64xf32>
// CHECK-NEXT: kernel.rms_norm %[[X]], %[[N]], %[[OUT]] {eps = 5.000000e-01 : f32}
// CHECK-NEXT: return
func.func @norm_of_rows(%tokens: tensor<?xi32>) -> !h {
  %e = llm.get_weight @embedding : tensor<100x64xf16>
  %x = llm.embed %tokens, %e : tensor<?xi32>, tensor<100x64xf16> -> !h
  %n = llm.get_weight @norm : tensor<64xf32>
  %y = llm.rms_norm %x, %n eps 0.5 : !h, tensor<64xf32>
  return %y : !h
}

// CHECK-LABEL: func.func @elementwise(
// CHECK-SAME: %[[A:[^:]*]]: {{[^%]*}}, %[[B:[^:]*]]: {{[^%]*}}, %[[OUT:[^:]*]]:
// CHECK-NEXT: %[[S:.*]] = kernel.alloc
// CHECK-NEXT: kernel.map add %[[A]], %[[B]] into %[[S]]
// CHECK-NEXT: %[[P:.*]] = kernel.alloc
// CHECK-NEXT: kernel.map mul %[[S]], %[[B]] into %[[P]]
// CHECK-NEXT: %[[L:.*]] = kernel.alloc
// CHECK-NEXT: kernel.map silu %[[P]] into %[[L]]
// CHECK-NEXT: kernel.map swiglu %[[L]], %[[A]] into %[[OUT]] : !kernel.buffer<64 x f32>, !kernel.buffer<64 x f32>, !kernel.buffer<64 x f32>
// CHECK-NEXT: return
func.func @elementwise(%a: !h, %b: !h) -> !h {
  %0 = llm.add %a, %b : !h
  %1 = llm.mul %0, %b : !h
  %2 = llm.silu %1 : !h
  %3 = llm.swiglu %2, %a : !h
  return %3 : !h
}

// What has no place of its own is copied there: an argument, and what is returned a second time.
// CHECK-LABEL: func.func @returned(
// CHECK-SAME: %[[A:[^:]*]]: {{[^%]*}}, %[[O0:[^:]*]]: {{[^%]*}}, %[[O1:[^:]*]]: {{[^%]*}}, %[[O2:[^:]*]]: {{[^%]*}}, %[[O3:[^:]*]]:
// CHECK-NEXT: kernel.map silu %[[A]] into %[[O1]]
// CHECK-NEXT: kernel.map add %[[O1]], %[[A]] into %[[O3]]
// CHECK-NEXT: kernel.map copy %[[A]] into %[[O0]] : !kernel.buffer<64 x f32>, !kernel.buffer<64 x f32>
// CHECK-NEXT: kernel.map copy %[[O1]] into %[[O2]]
// CHECK-NEXT: return
func.func @returned(%a: !h) -> (!h, !h, !h, !h) {
  %0 = llm.silu %a : !h
  %1 = llm.add %0, %a : !h
  return %a, %0, %0, %1 : !h, !h, !h, !h
}

// The frequencies of pairs are known when the program is compiled.
// CHECK-LABEL: func.func @rope_tables(
// CHECK-SAME: %[[START:.*]]: index, %[[O0:[^:]*]]: {{[^%]*}}, %[[O1:[^:]*]]: {{[^%]*}}, %[[O2:[^:]*]]:
// CHECK-NEXT: kernel.rope_table %[[START]], %[[O0]] {frequencies = array<f64: 1.000000e+00, 1.000000e-01>, magnitude = 1.000000e+00 : f64} : index, !kernel.buffer<4 x f32>
// CHECK-NEXT: %[[F:.*]] = kernel.get_weight @factors
// CHECK-NEXT: kernel.rope_table %[[START]], %[[O1]] factors %[[F]] {frequencies = array<f64: 2.500000e-01, 2.500000e-02>, magnitude = 2.000000e+00 : f64}
// The first pair turns often enough to keep its angle, the second is a third of the way to where none
// does: 0.1 * (2/3 + 1/3 / 4). The magnitude is 1 + 0.1 ln(4).
// CHECK-NEXT: kernel.rope_table %[[START]], %[[O2]] {frequencies = array<f64: 1.000000e+00, {{7.500000e-02|0.07(5000|49999)[0-9]*}}>, magnitude = 1.138629436{{[0-9]*}} : f64}
// CHECK-NEXT: return
func.func @rope_tables(%start: index) -> (!t, !t, !t) {
  %0 = llm.rope_table %start {base = 100.0 : f32} : !t
  %f = llm.get_weight @factors : tensor<2xf32>
  %1 = llm.rope_table %start factors %f : tensor<2xf32>
      {base = 100.0 : f32, scaling = #llm.rope_scaling<linear>, factor = 4.0 : f32, attention_factor = 2.0 : f32} : !t
  %2 = llm.rope_table %start
      {base = 100.0 : f32, scaling = #llm.rope_scaling<yarn>, factor = 4.0 : f32, original_context = 1000 : i64} : !t
  return %0, %1, %2 : !t, !t, !t
}

// CHECK-LABEL: func.func @attention(
// CHECK-SAME: %[[Q:[^:]*]]: {{[^%]*}}, %[[K:[^:]*]]: {{[^%]*}}, %[[V:[^:]*]]: {{[^%]*}}, %[[T:[^:]*]]: !kernel.buffer<4 x f32>, %[[START:[^:]*]]: index, %[[O0:[^:]*]]: {{[^%]*}}, %[[O1:[^:]*]]:
// CHECK-NEXT: %[[ONE:.*]] = arith.constant 1 : index
// CHECK-NEXT: %[[KV:.*]] = kernel.get_state @kv : !llm.kv_cache<layers = 2, heads = 2, key = 16 x f16, value = 16 x f16>
// CHECK-NEXT: %[[R:.*]] = kernel.alloc at -1 : !kernel.buffer<64 x f32>
// CHECK-NEXT: kernel.rope %[[Q]], %[[T]], %[[R]] {head_dim = 16 : i64} : !kernel.buffer<64 x f32>, !kernel.buffer<4 x f32>, !kernel.buffer<64 x f32>
// CHECK-NEXT: kernel.cache_write %[[K]], %[[V]], %[[KV]][%[[ONE]]] at %[[START]] : !kernel.buffer<32 x f32>, !kernel.buffer<32 x f32>, !llm.kv_cache<{{.*}}>, index, index
// CHECK-NEXT: %[[P0:.*]] = kernel.alloc at -1 : !kernel.parts<heads = 2, queries = 2, value = 16>
// CHECK-NEXT: kernel.attention %[[R]], %[[KV]][%[[ONE]]] at %[[START]], %[[O0]] parts %[[P0]] {scale = 2.500000e-01 : f32, window = 5 : i64}
// CHECK-NEXT: kernel.merge_parts %[[P0]] at %[[START]], %[[O0]] {window = 5 : i64}
// With the table, keys are rotated when they are written and queries when they are read.
// CHECK-NEXT: kernel.cache_write %[[K]], %[[V]], %[[KV]][%[[ONE]]] at %[[START]] rope %[[T]] :
// CHECK-NEXT: %[[P1:.*]] = kernel.alloc at -1 : !kernel.parts<heads = 2, queries = 2, value = 16>
// CHECK-NEXT: kernel.attention %[[Q]], %[[KV]][%[[ONE]]] at %[[START]], %[[O1]] parts %[[P1]] rope %[[T]] {scale = 5.000000e-01 : f32, window = 0 : i64}
// CHECK-NEXT: kernel.merge_parts %[[P1]] at %[[START]], %[[O1]] {window = 0 : i64}
// CHECK-NEXT: return
func.func @attention(%q: !h, %k: !k, %v: !k, %t: !t, %start: index) -> (!h, !h) {
  %layer = arith.constant 1 : index
  %kv = llm.get_state @kv : !kv
  %0 = llm.rope %q, %t head_dim 16 : !h, !t
  llm.cache_write %kv[%layer] at %start, %k, %v : !kv, !k, !k
  %1 = llm.attention %0, %kv[%layer] at %start scale 0.25 {window = 5 : i64} : !h, !kv -> !h
  %2 = llm.fused_attention %q, %k, %v, %t, %kv[%layer] at %start scale 0.5
      : (!h, !k, !k, !t, !kv, index, index) -> !h
  return %1, %2 : !h, !h
}

}
