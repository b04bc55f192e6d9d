// RUN: %opt %s --kernel-to-vector | FileCheck %s

// Layers are a loop whatever their number. A table says of each layer which block it runs and which of
// that block's layers it is; the two buffers change places.

!b = !kernel.buffer<16 x f32>

module attributes {kernel.target = #kernel.target<dot = vnni512, tiles = [1], max_rows = 9>} {

func.func private @block.0(%h: !b, %layer: index, %i: index, %s: !b, %start: index, %out: !b) {
  return
}
func.func private @block.1(%h: !b, %layer: index, %i: index, %s: !b, %start: index, %out: !b) {
  return
}
func.func private @block.2(%h: !b, %layer: index, %i: index, %out: !b) {
  return
}

// CHECK-LABEL: func.func @one_block(
// CHECK-SAME: %[[C:.*]]: !llvm.ptr, %[[T:.*]]: i64, %[[N:.*]]: i64)
// CHECK: %[[ARGUMENTS_AT:.*]] = llvm.getelementptr %[[C]][24]
// CHECK: %[[ARGUMENTS:.*]] = llvm.load %[[ARGUMENTS_AT]] {{.*}} -> !llvm.ptr
// CHECK: %[[S:.*]] = llvm.load %[[ARGUMENTS]] {{.*}} -> !llvm.ptr
// CHECK: %[[START:.*]] = llvm.load %{{.*}} -> i64
// CHECK: %[[A:.*]] = llvm.getelementptr %{{.*}}[%c0_i64]
// CHECK: %[[B:.*]] = llvm.getelementptr %{{.*}}[%c1024_i64]
// CHECK: %[[TABLE:.*]] = llvm.mlir.addressof @[[ONE:.*]] : !llvm.ptr
// CHECK: %[[FOUR:.*]] = arith.constant 4 : i64
// CHECK: scf.for %[[LAYER:.*]] = %{{.*}} to %[[FOUR]] step %{{.*}} iter_args(%[[H:.*]] = %[[A]], %[[O:.*]] = %[[B]]) -> (!llvm.ptr, !llvm.ptr) : i64 {
// CHECK: %[[BYTES:.*]] = arith.muli %[[LAYER]], %c8{{.*}} : i64
// CHECK: %[[ROW:.*]] = llvm.getelementptr %[[TABLE]][%[[BYTES]]]
// CHECK: %[[INDEX_AT:.*]] = llvm.getelementptr %[[ROW]][4]
// CHECK: %[[INDEX32:.*]] = llvm.load %[[INDEX_AT]] {{.*}} -> i32
// CHECK: %[[INDEX:.*]] = arith.extui %[[INDEX32]] : i32 to i64
// CHECK-NOT: scf.if
// CHECK: func.call @block.0(%[[C]], %[[T]], %[[N]], %[[H]], %[[LAYER]], %[[INDEX]], %[[S]], %[[START]], %[[O]]) :
// CHECK-NEXT: scf.yield %[[O]], %[[H]] :
// CHECK: return
func.func @one_block(%s: !b, %start: index) {
  %a = kernel.alloc at 0 : !b
  %b = kernel.alloc at 1024 : !b
  kernel.layers %a, %b shared(%s, %start) {blocks = [@block.0], schedule = array<i32: 0, 0, 0, 0>}
      : !b, !b, !b, index
  return
}

// CHECK-LABEL: func.func @two_blocks(
// CHECK: llvm.mlir.addressof @[[TWO:.*]] : !llvm.ptr
// CHECK: scf.for %{{.*}} iter_args(%[[H:.*]] = %{{.*}}, %[[O:.*]] = %{{.*}})
// CHECK: %[[BLOCK:.*]] = llvm.load %{{.*}} {{.*}} -> i32
// CHECK: %[[ZERO:.*]] = arith.constant 0 : i32
// CHECK-NEXT: %[[IS_0:.*]] = arith.cmpi eq, %[[BLOCK]], %[[ZERO]] : i32
// CHECK-NEXT: scf.if %[[IS_0]] {
// CHECK-NEXT: func.call @block.0(%{{.*}}, %[[H]], %{{.*}}, %[[O]]) :
// CHECK-NEXT: }
// CHECK: %[[ONE_I32:.*]] = arith.constant 1 : i32
// CHECK-NEXT: %[[IS_1:.*]] = arith.cmpi eq, %[[BLOCK]], %[[ONE_I32]] : i32
// CHECK-NEXT: scf.if %[[IS_1]] {
// CHECK-NEXT: func.call @block.1(%{{.*}}, %[[H]], %{{.*}}, %[[O]]) :
// CHECK-NEXT: }
// CHECK-NEXT: scf.yield %[[O]], %[[H]] :
func.func @two_blocks(%s: !b, %start: index) {
  %a = kernel.alloc at 0 : !b
  %b = kernel.alloc at 1024 : !b
  kernel.layers %a, %b shared(%s, %start) {blocks = [@block.0, @block.1], schedule = array<i32: 0, 1, 1, 0, 1>}
      : !b, !b, !b, index
  return
}

// The same plan is the same table.
// CHECK-LABEL: func.func @again(
// CHECK: llvm.mlir.addressof @[[ONE]] : !llvm.ptr
func.func @again(%s: !b, %start: index) {
  %a = kernel.alloc at 0 : !b
  %b = kernel.alloc at 1024 : !b
  kernel.layers %a, %b shared(%s, %start) {blocks = [@block.1], schedule = array<i32: 0, 0, 0, 0>}
      : !b, !b, !b, index
  return
}

// Backwards, the first thread tells after each layer that its gradients are there.
// CHECK-LABEL: func.func @backwards(
// CHECK-SAME: %[[C:.*]]: !llvm.ptr, %[[T:.*]]: i64, %{{.*}}: i64)
// CHECK: scf.for
// CHECK: %[[LAYER:.*]] = arith.subi
// CHECK: func.call @block.2(
// CHECK: %[[FIRST:.*]] = arith.cmpi eq, %[[T]], %{{.*}} : i64
// CHECK-NEXT: scf.if %[[FIRST]] {
// CHECK: %[[PROGRESS:.*]] = llvm.load %{{.*}} : !llvm.ptr -> !llvm.ptr
// CHECK-NEXT: func.call @llmc_layer_adjoint_done(%[[PROGRESS]], %[[LAYER]]) : (!llvm.ptr, i64) -> ()
// CHECK-NEXT: }
// CHECK-NEXT: scf.yield
func.func @backwards() {
  %a = kernel.alloc at 0 : !b
  %b = kernel.alloc at 1024 : !b
  kernel.layers_adjoint %a, %b {blocks = [@block.2], counts = array<i32: 0>, first = 0 : i64, schedule = array<i32: 0, 0>}
      : !b, !b
  return
}

// CHECK-DAG: llvm.mlir.global internal constant @[[ONE]](dense<[0, 0, 0, 1, 0, 2, 0, 3]> : tensor<8xi32>)
// CHECK-DAG: llvm.mlir.global internal constant @[[TWO]](dense<[0, 0, 1, 0, 1, 1, 0, 1, 1, 2]> : tensor<10xi32>)

}
