// RUN: %opt %s --kernel-to-vector | FileCheck %s

// What each operation calls. A function's name has all that its code depends on.

!b = !kernel.buffer<64 x f32>
!k = !kernel.buffer<32 x f32>
!t = !kernel.buffer<16 x f32>
!ids = !kernel.buffer<1 x i32>
!parts = !kernel.parts<heads = 2, queries = 2, value = 16>
!kv = !llm.kv_cache<layers = 2, heads = 2, key = 16 x f16, value = 16 x f16>
!p = !kernel.packed<64 x f32, tiles = [1], corrections = [], sums = []>
!packed = tensor<100x64x!llm.block<q8_0>, #llm.packed<rows = 16>>

module attributes {kernel.target = #kernel.target<dot = plain, tiles = [1], max_rows = 9>} {

llm.weight @e : tensor<100x64x!llm.block<q8_0>> from "e"
llm.weight @tied : !packed from "tied"
llm.weight @norm : tensor<64xf32> from "norm"
llm.weight @factors : tensor<2xf32> from "factors"

// CHECK-LABEL: func.func private @ops(
// CHECK-SAME: %[[C:[^:]*]]: !llvm.ptr, %[[T:[^:]*]]: i64, %[[N:[^:]*]]: i64, %[[IDS:[^:]*]]: !llvm.ptr, %[[X:[^:]*]]: !llvm.ptr, %[[K:[^:]*]]: !llvm.ptr, %[[TABLE:[^:]*]]: !llvm.ptr, %[[KV:[^:]*]]: !llvm.ptr, %[[START:[^:]*]]: i64, %[[LAYER:[^:]*]]: i64, %[[P:[^:]*]]: !llvm.ptr, %[[Y:[^:]*]]: !llvm.ptr)
// CHECK: %[[ROWS:.*]] = llvm.load {{.*}} -> i64
func.func private @ops(%ids: !ids, %x: !b, %k: !k, %table: !t, %kv: !kv, %start: index, %layer: index,
                       %p: !p, %y: !b) {
  // CHECK: %[[WEIGHTS:.*]] = llvm.load %[[C]] {
  // CHECK: %[[E:.*]] = llvm.load %[[WEIGHTS]] {
  // CHECK-NEXT: call @embed.q8_0.64(%[[T]], %[[N]], %[[ROWS]], %[[IDS]], %[[E]], %[[Y]])
  %e = kernel.get_weight @e : tensor<100x64x!llm.block<q8_0>>
  kernel.embed %ids, %e, %y : !ids, tensor<100x64x!llm.block<q8_0>>, !b
  // CHECK: call @embed.q8_0.packed.64(%[[T]], %[[N]], %[[ROWS]], %[[IDS]], %{{.*}}, %[[Y]])
  %tied = kernel.get_weight @tied : !packed
  kernel.embed %ids, %tied, %y : !ids, !packed, !b

  // CHECK: %[[W_AT:.*]] = llvm.getelementptr %{{.*}}[16]
  // CHECK-NEXT: %[[W:.*]] = llvm.load %[[W_AT]]
  // CHECK: %[[EPS:.*]] = arith.constant 5.000000e-01 : f32
  // CHECK: call @"pack_rows.norm.64.!kernel.packed<64 x f32, tiles = [1], corrections = [], sums = []>"(%[[T]], %[[N]], %[[ROWS]], %[[X]], %[[P]], %[[W]], %[[EPS]])
  %norm = kernel.get_weight @norm : tensor<64xf32>
  kernel.pack_rows %x, %p norm %norm {eps = 0.5 : f32} : !b, !p, tensor<64xf32>

  // CHECK: call @rope.64.16.16(%[[T]], %[[N]], %[[ROWS]], %[[X]], %[[TABLE]], %[[Y]])
  kernel.rope %x, %table, %y {head_dim = 16 : i64} : !b, !t, !b

  // The runtime fills the rows of each thread.
  // CHECK: %[[FACTORS_AT:.*]] = llvm.getelementptr %{{.*}}[24]
  // CHECK-NEXT: %[[FACTORS:.*]] = llvm.load %[[FACTORS_AT]]
  // CHECK: %[[FIRST:.*]] = arith.divui %{{.*}}, %[[N]] : i64
  // CHECK: %[[LAST:.*]] = arith.divui %{{.*}}, %[[N]] : i64
  // CHECK: %[[FREQUENCIES:.*]] = llvm.mlir.addressof @[[ARRAY:.*]] : !llvm.ptr
  // CHECK: %[[MAGNITUDE:.*]] = arith.constant 5.000000e-01 : f64
  // CHECK: call @llmc_rope_table(%[[TABLE]], %c64_i64{{.*}}, %[[START]], %[[FIRST]], %[[LAST]], %[[FREQUENCIES]], %c2_i64{{.*}}, %[[FACTORS]], %[[MAGNITUDE]])
  %factors = kernel.get_weight @factors : tensor<2xf32>
  kernel.rope_table %start, %table factors %factors {frequencies = array<f64: 1.0, 0.25>, magnitude = 0.5 : f64}
      : index, !t, tensor<2xf32>

  // CHECK: call @"cache_write.!llm.kv_cache<layers = 2, heads = 2, key = 16 x f16, value = 16 x f16>.rope16"(%[[T]], %[[N]], %[[ROWS]], %[[LAYER]], %[[START]], %{{.*}}, %{{.*}}, %[[K]], %[[K]], %[[KV]], %[[TABLE]])
  kernel.cache_write %k, %k, %kv[%layer] at %start rope %table : !k, !k, !kv, index, index, !t

  // CHECK: %[[PARTS:.*]] = llvm.getelementptr %{{.*}}[%c512
  // Four heads; the window, and whether and how far queries are rotated, make a variant.
  // The scale is that of scores to the base 2.
  // CHECK: %[[SCALE:.*]] = arith.constant 0.360673{{.*}} : f32
  // CHECK: call @"attention.4.!llm.kv_cache<layers = 2, heads = 2, key = 16 x f16, value = 16 x f16>.w5.rope0"(%[[T]], %[[N]], %[[ROWS]], %[[LAYER]], %[[START]], %{{.*}}, %[[SCALE]], %{{.*}}, %[[X]], %[[KV]], %[[Y]], %{{.*}}, %[[PARTS]])
  %parts = kernel.alloc at 512 : !parts
  kernel.attention %x, %kv[%layer] at %start, %y parts %parts {scale = 0.25 : f32, window = 5 : i64}
      : !b, !kv, index, index, !b, !parts
  // CHECK: call @merge_parts.2.2.16.w5(%[[T]], %[[N]], %[[ROWS]], %[[START]], %[[PARTS]], %[[Y]])
  kernel.merge_parts %parts at %start, %y {window = 5 : i64} : !parts, index, !b
  // CHECK: call @"attention.4.!llm.kv_cache<layers = 2, heads = 2, key = 16 x f16, value = 16 x f16>.w0.rope16"(%[[T]], %[[N]], %[[ROWS]], %[[LAYER]], %[[START]], %{{.*}}, %{{.*}}, %{{.*}}, %[[X]], %[[KV]], %[[Y]], %[[TABLE]], %[[PARTS]])
  kernel.attention %x, %kv[%layer] at %start, %y parts %parts rope %table {scale = 0.25 : f32, window = 0 : i64}
      : !b, !kv, index, index, !b, !parts, !t
  return
}

// CHECK: llvm.mlir.global internal constant @[[ARRAY]](dense<[1.000000e+00, 2.500000e-01]> : tensor<2xf64>)
// CHECK: func.func private @llmc_rope_table(!llvm.ptr, i64, i64, i64, i64, !llvm.ptr, i64, !llvm.ptr, f64)

}
