// RUN: %opt %s --kernel-to-vector | FileCheck %s
// RUN: %opt %s --kernel-to-vector | FileCheck %s --check-prefix=GONE

// The shape of functions: what they take, and where they find what they work on. Of the context's
// fields of eight bytes, 0 has the weights' addresses, 1 the states', 2 the arena, 3 the arguments,
// 4 the team, 5 the number of rows.

!b = !kernel.buffer<16 x f32>
!n = tensor<16xf32>
!kv = !llm.kv_cache<layers = 2, heads = 1, key = 16 x f16, value = 16 x f16>
!k8 = !llm.kv_cache<layers = 2, heads = 1, key = 16 x f32, value = 16 x f32>

module attributes {kernel.target = #kernel.target<dot = vnni512, tiles = [1, 2], max_rows = 9>} {

// The tables have tensors in the order of the symbols, those of a family one after the other:
// @first 0, @family 1 to 3, @last 4.
// GONE-NOT: llm.weight
// GONE-NOT: llm.state
// GONE-NOT: kernel.get
llm.weight @first : !n from "first"
llm.weight @family : !n from "family.{layer}" layers [0, 2, 5]
llm.weight @last : !n from "last"
llm.state @kv : !kv
llm.state @second : !k8

// An entry point has the context, the thread and the number of threads.
// CHECK-LABEL: func.func @entry(
// CHECK-SAME: %[[C:.*]]: !llvm.ptr, %[[T:.*]]: i64, %[[N:.*]]: i64) {
// CHECK: %[[ROWS_AT:.*]] = llvm.getelementptr %[[C]][40]
// CHECK-NEXT: %[[ROWS:.*]] = llvm.load %[[ROWS_AT]] {{.*}} -> i64
// CHECK-NEXT: %[[ARENA_AT:.*]] = llvm.getelementptr %[[C]][16]
// CHECK-NEXT: %[[ARENA:.*]] = llvm.load %[[ARENA_AT]] {{.*}} -> !llvm.ptr
// CHECK-NEXT: %[[ARGUMENTS_AT:.*]] = llvm.getelementptr %[[C]][24]
// CHECK-NEXT: %[[ARGUMENTS:.*]] = llvm.load %[[ARGUMENTS_AT]] {{.*}} -> !llvm.ptr
// CHECK-NEXT: %[[IN:.*]] = llvm.load %[[ARGUMENTS]] {{.*}} -> !llvm.ptr
// CHECK-NEXT: %[[START_AT:.*]] = llvm.getelementptr %[[ARGUMENTS]][8]
// CHECK-NEXT: %[[START:.*]] = llvm.load %[[START_AT]] {{.*}} -> i64
// CHECK-NEXT: %[[OUT_AT:.*]] = llvm.getelementptr %[[ARGUMENTS]][16]
// CHECK-NEXT: %[[OUT:.*]] = llvm.load %[[OUT_AT]] {{.*}} -> !llvm.ptr
// CHECK-NEXT: %[[OFFSET:.*]] = arith.constant 1024 : i64
// CHECK-NEXT: %[[A:.*]] = llvm.getelementptr %[[ARENA]][%[[OFFSET]]]
// CHECK-NEXT: %[[WEIGHTS:.*]] = llvm.load %[[C]] {{.*}} -> !llvm.ptr
// CHECK-NEXT: %[[LAST_AT:.*]] = llvm.getelementptr %[[WEIGHTS]][32]
// CHECK-NEXT: %[[LAST:.*]] = llvm.load %[[LAST_AT]] {{.*}} -> !llvm.ptr
// CHECK: call @rms_norm.16(%[[T]], %[[N]], %[[ROWS]], %[[IN]], %[[LAST]], %[[A]],
// CHECK-NEXT: %[[TEAM_AT:.*]] = llvm.getelementptr %[[C]][32]
// CHECK-NEXT: %[[TEAM:.*]] = llvm.load %[[TEAM_AT]] {{.*}} -> !llvm.ptr
// CHECK-NEXT: call @llmc_team_barrier(%[[TEAM]])
// A row of 16 columns is one vector.
// CHECK: %[[VECTORS:.*]] = arith.muli %[[ROWS]], %{{.*}} : i64
// CHECK: call @map.silu(%[[T]], %[[N]], %[[VECTORS]], %[[A]], %[[A]], %[[OUT]], %
// CHECK: %[[STATES_AT:.*]] = llvm.getelementptr %[[C]][8]
// CHECK-NEXT: %[[STATES:.*]] = llvm.load %[[STATES_AT]] {{.*}} -> !llvm.ptr
// CHECK-NEXT: %[[SECOND_AT:.*]] = llvm.getelementptr %[[STATES]][8]
// CHECK-NEXT: %[[SECOND:.*]] = llvm.load %[[SECOND_AT]] {{.*}} -> !llvm.ptr
// CHECK-NEXT: %[[LAYER:.*]] = arith.constant 1 : i64
// CHECK-NEXT: %[[CAPACITY_AT:.*]] = llvm.getelementptr %[[C]][48]
// CHECK-NEXT: %[[CAPACITY:.*]] = llvm.load %[[CAPACITY_AT]] {{.*}} -> i64
// CHECK: call @"cache_write.{{.*}}"(%[[T]], %[[N]], %[[ROWS]], %[[LAYER]], %[[START]], %[[CAPACITY]], %{{.*}}, %[[A]], %[[OUT]], %[[SECOND]],
// CHECK: return
func.func @entry(%in: !b, %start: index, %out: !b) {
  %a = kernel.alloc at 1024 : !b
  %w = kernel.get_weight @last : !n
  kernel.rms_norm %in, %w, %a {eps = 0.5 : f32} : !b, !n, !b
  kernel.barrier
  kernel.map silu %a into %out : !b, !b
  %kv = kernel.get_state @second : !k8
  %layer = arith.constant 1 : index
  kernel.cache_write %a, %out, %kv[%layer] at %start : !b, !b, !k8, index, index
  return
}

// A block has its operands as parameters of its own.
// CHECK-LABEL: func.func private @block(
// CHECK-SAME: %[[C:.*]]: !llvm.ptr, %[[T:.*]]: i64, %[[N:.*]]: i64, %[[H:.*]]: !llvm.ptr, %[[LAYER:.*]]: i64, %[[I:.*]]: i64, %[[OUT:.*]]: !llvm.ptr) {
// CHECK: %[[WEIGHTS:.*]] = llvm.load %[[C]] {{.*}} -> !llvm.ptr
// CHECK-NEXT: %[[FAMILY:.*]] = llvm.getelementptr %[[WEIGHTS]][8]
// CHECK-NEXT: %[[EIGHT:.*]] = arith.constant 8 : i64
// CHECK-NEXT: %[[BYTES:.*]] = arith.muli %[[I]], %[[EIGHT]] : i64
// CHECK-NEXT: %[[AT:.*]] = llvm.getelementptr %[[FAMILY]][%[[BYTES]]]
// CHECK-NEXT: %[[W:.*]] = llvm.load %[[AT]] {{.*}} -> !llvm.ptr
// CHECK: call @rms_norm.16(%[[T]], %[[N]], %{{.*}}, %[[H]], %[[W]], %[[OUT]],
func.func private @block(%h: !b, %layer: index, %i: index, %out: !b) {
  %w = kernel.get_weight @family[%i] : !n
  kernel.rms_norm %h, %w, %out {eps = 0.5 : f32} : !b, !n, !b
  return
}

// The code is private to the module; what the runtime gives is declared.
// CHECK: func.func private @rms_norm.16(
// CHECK: func.func private @llmc_team_barrier(!llvm.ptr)

}
