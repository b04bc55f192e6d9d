// RUN: %opt %s --kernel-insert-barriers | FileCheck %s

// Products that stay in their thread, and the cache.

!b = !kernel.buffer<16 x f32>
!p = !kernel.packed<16 x f32, tiles = [1, 2], corrections = [], sums = []>
!w = tensor<16x16xf32, #llm.packed<rows = 16>>
!parts = !kernel.parts<heads = 1, queries = 1, value = 16>
!kv = !llm.kv_cache<layers = 2, heads = 1, key = 16 x f16, value = 16 x f16>

module attributes {kernel.target = #kernel.target<dot = vnni512, tiles = [1, 2], max_rows = 9>} {

llm.weight @w : !w from "w"
llm.state @kv : !kv

// Gate and up give each thread the same columns; packing what they made does not.
// CHECK-LABEL: func.func @gate_and_up(
// CHECK: kernel.pack_rows
// CHECK-NEXT: kernel.barrier
// CHECK-NEXT: kernel.matmul
// CHECK-NEXT: kernel.matmul {{.*}} {epilogue = #kernel.epilogue<swiglu>}
// CHECK-NEXT: kernel.barrier
// CHECK-NEXT: kernel.pack_rows
// CHECK-NEXT: return
func.func @gate_and_up(%x: !b, %next: !p) {
  %w = kernel.get_weight @w : !w
  %p = kernel.alloc at 0 : !p
  %g = kernel.alloc at 4096 : !b
  kernel.pack_rows %x, %p : !b, !p
  kernel.matmul %p, %w, %g : !p, !w, !b
  kernel.matmul %p, %w, %g other %g {epilogue = #kernel.epilogue<swiglu>} : !p, !w, !b, !b
  kernel.pack_rows %g, %next : !b, !p
  return
}

// A gate that something else wrote is written by other threads.
// CHECK-LABEL: func.func @other_gate(
// CHECK: kernel.map silu
// CHECK-NEXT: kernel.barrier
// CHECK-NEXT: kernel.matmul
// CHECK-NEXT: return
func.func @other_gate(%x: !b, %p: !p) {
  %w = kernel.get_weight @w : !w
  %g = kernel.alloc at 0 : !b
  kernel.map silu %x into %g : !b, !b
  kernel.matmul %p, %w, %g other %g {epilogue = #kernel.epilogue<swiglu>} : !p, !w, !b, !b
  return
}

// Products in places that overlap by half are other threads' columns.
// CHECK-LABEL: func.func @shifted(
// CHECK: kernel.matmul
// CHECK-NEXT: kernel.barrier
// CHECK-NEXT: kernel.matmul
// CHECK-NEXT: return
func.func @shifted(%p: !p) {
  %w = kernel.get_weight @w : !w
  %a = kernel.alloc at 0 : !b
  %b = kernel.alloc at 512 : !b
  kernel.matmul %p, %w, %a : !p, !w, !b
  kernel.matmul %p, %w, %b : !p, !w, !b
  return
}

// A product of two others is not written where a third still reads.
// CHECK-LABEL: func.func @reused_product(
// CHECK: kernel.matmul
// CHECK-NEXT: kernel.matmul {{.*}} {epilogue = #kernel.epilogue<add>}
// CHECK-NEXT: kernel.barrier
// CHECK-NEXT: kernel.matmul
// CHECK-NEXT: return
func.func @reused_product(%p: !p, %out: !b) {
  %w = kernel.get_weight @w : !w
  %a = kernel.alloc at 0 : !b
  %same_place = kernel.alloc at 0 : !b
  kernel.matmul %p, %w, %a : !p, !w, !b
  kernel.matmul %p, %w, %out other %a {epilogue = #kernel.epilogue<add>} : !p, !w, !b, !b
  kernel.matmul %p, %w, %same_place : !p, !w, !b
  return
}

// All handles of the cache are one memory.
// CHECK-LABEL: func.func @cache(
// CHECK: kernel.cache_write
// CHECK-NEXT: kernel.barrier
// CHECK-NEXT: kernel.attention
// CHECK-NEXT: kernel.barrier
// CHECK-NEXT: kernel.merge_parts
// CHECK-NEXT: kernel.cache_write
// CHECK-NEXT: return
func.func @cache(%k: !b, %v: !b, %q: !b, %out: !b, %start: index, %layer: index) {
  %kv = kernel.get_state @kv : !kv
  %again = kernel.get_state @kv : !kv
  %parts = kernel.alloc at 0 : !parts
  kernel.cache_write %k, %v, %kv[%layer] at %start : !b, !b, !kv, index, index
  kernel.attention %q, %again[%layer] at %start, %out parts %parts {scale = 0.25 : f32, window = 0 : i64}
      : !b, !kv, index, index, !b, !parts
  kernel.merge_parts %parts at %start, %out {window = 0 : i64} : !parts, index, !b
  kernel.cache_write %k, %v, %kv[%layer] at %start : !b, !b, !kv, index, index
  return
}

}
