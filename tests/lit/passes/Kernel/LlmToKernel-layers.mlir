// RUN: %opt %s --llm-to-kernel | FileCheck %s

// A block takes the index of its weights in their families; the hidden state goes to and fro between
// two buffers.

!h = tensor<?x64xf32>
!n = tensor<64xf32>

module attributes {kernel.target = #kernel.target<dot = vnni512, tiles = [1, 2], max_rows = 8>} {

llm.weight @blk.a : !n from "blk.{layer}.a" layers [0, 2, 3]
llm.weight @blk.b : !n from "blk.{layer}.b" layers [0, 2, 3]
llm.weight @blk.c : !n from "blk.{layer}.c" layers [1]

// Parameters: hidden state, layer, index of weights, what is shared, and the place of the result.
// CHECK-LABEL: func.func private @block.0(
// CHECK-SAME: %[[H:[^:]*]]: !kernel.buffer<64 x f32>, %[[LAYER:[^:]*]]: index, %[[I:[^:]*]]: index, %[[S:[^:]*]]: !kernel.buffer<64 x f32>, %[[OUT:[^:]*]]: !kernel.buffer<64 x f32>) {
// CHECK-NEXT: %[[A:.*]] = kernel.get_weight @blk.a[%[[I]]] : tensor<64xf32>
// CHECK-NEXT: %[[B:.*]] = kernel.get_weight @blk.b[%[[I]]] : tensor<64xf32>
// CHECK-NEXT: %[[X:.*]] = kernel.alloc
// CHECK-NEXT: kernel.rms_norm %[[H]], %[[A]], %[[X]]
// CHECK-NEXT: %[[Y:.*]] = kernel.alloc
// CHECK-NEXT: kernel.rms_norm %[[X]], %[[B]], %[[Y]]
// CHECK-NEXT: kernel.map add %[[Y]], %[[S]] into %[[OUT]]
// CHECK-NEXT: return
func.func private @block.0(%h: !h, %layer: index, %s: !h, %a: !n, %b: !n) -> !h {
  %0 = llm.rms_norm %h, %a eps 0.5 : !h, !n
  %1 = llm.rms_norm %0, %b eps 0.5 : !h, !n
  %2 = llm.add %1, %s : !h
  return %2 : !h
}

// CHECK-LABEL: func.func private @block.1(
// CHECK-SAME: %[[H:[^:]*]]: {{[^%]*}}, %[[LAYER:[^:]*]]: index, %[[I:[^:]*]]: index, %[[S:[^:]*]]: {{[^%]*}}, %[[OUT:[^:]*]]:
// CHECK-NEXT: %[[C:.*]] = kernel.get_weight @blk.c[%[[I]]]
// CHECK-NEXT: kernel.rms_norm %[[H]], %[[C]], %[[OUT]]
// CHECK-NEXT: return
func.func private @block.1(%h: !h, %layer: index, %s: !h, %c: !n) -> !h {
  %0 = llm.rms_norm %h, %c eps 0.5 : !h, !n
  return %0 : !h
}

// After an even number of layers the result is in the first buffer, which nobody else reads.
// CHECK-LABEL: func.func @even(
// CHECK-SAME: %[[X:[^:]*]]: {{[^%]*}}, %[[OUT:[^:]*]]:
// CHECK-NEXT: %[[A:.*]] = kernel.alloc at -1 : !kernel.buffer<64 x f32>
// CHECK-NEXT: kernel.map silu %[[X]] into %[[A]]
// CHECK-NEXT: %[[B:.*]] = kernel.alloc at -1 : !kernel.buffer<64 x f32>
// CHECK-NEXT: kernel.layers %[[A]], %[[B]] shared(%[[X]]) {blocks = [@block.0, @block.1], schedule = array<i32: 0, 1, 0, 0>}
// CHECK-NEXT: kernel.map silu %[[A]] into %[[OUT]]
// CHECK-NEXT: return
func.func @even(%x: !h) -> !h {
  %0 = llm.silu %x : !h
  %1 = llm.layers %0 shared(%x) {
    blocks = [@block.0, @block.1], weights = [[@blk.a, @blk.b], [@blk.c]], schedule = array<i32: 0, 1, 0, 0>
  } : (!h, !h) -> !h
  %2 = llm.silu %1 : !h
  return %2 : !h
}

llm.weight @head.c : !n from "head.{layer}.c" layers [0, 1, 2]

func.func private @block.2(%h: !h, %layer: index, %c: !n) -> !h {
  %0 = llm.rms_norm %h, %c eps 0.5 : !h, !n
  return %0 : !h
}

// After an odd number it is in the second.
// CHECK-LABEL: func.func @odd(
// CHECK: kernel.map silu %{{.*}} into %[[A:.*]] :
// CHECK-NEXT: %[[B:.*]] = kernel.alloc
// CHECK-NEXT: kernel.layers %[[A]], %[[B]] {blocks = [@block.2], schedule = array<i32: 0, 0, 0>}
// CHECK-NEXT: kernel.map silu %[[B]] into
func.func @odd(%x: !h) -> !h {
  %0 = llm.silu %x : !h
  %1 = llm.layers %0 {blocks = [@block.2], weights = [[@head.c]], schedule = array<i32: 0, 0, 0>} : (!h) -> !h
  %2 = llm.silu %1 : !h
  return %2 : !h
}

// Layers write to their operand: an argument is copied first,
// CHECK-LABEL: func.func @argument(
// CHECK-SAME: %[[X:[^:]*]]: {{[^%]*}}, %[[O0:[^:]*]]:
// CHECK-NEXT: %[[C:.*]] = kernel.alloc
// CHECK-NEXT: kernel.map copy %[[X]] into %[[C]]
// CHECK-NEXT: %[[D:.*]] = kernel.alloc
// CHECK-NEXT: kernel.layers %[[C]], %[[D]] {
// CHECK-NEXT: kernel.map copy %[[D]] into %[[O0]]
// CHECK-NEXT: return
func.func @argument(%x: !h) -> !h {
  %0 = llm.layers %x {blocks = [@block.2], weights = [[@head.c]], schedule = array<i32: 0, 0, 0>} : (!h) -> !h
  return %0 : !h
}

// and so is what is read again, or returned.
// CHECK-LABEL: func.func @read_again(
// CHECK-SAME: %[[X:[^:]*]]: {{[^%]*}}, %[[O0:[^:]*]]: {{[^%]*}}, %[[O1:[^:]*]]:
// CHECK: kernel.map silu %[[X]] into %[[A:.*]] :
// CHECK-NEXT: %[[C:.*]] = kernel.alloc
// CHECK-NEXT: kernel.map copy %[[A]] into %[[C]]
// CHECK-NEXT: %[[D:.*]] = kernel.alloc
// CHECK-NEXT: kernel.layers %[[C]], %[[D]] {
// CHECK-NEXT: kernel.map add %[[D]], %[[A]] into %[[O0]]
// CHECK-NEXT: %[[E:.*]] = kernel.alloc
// CHECK-NEXT: kernel.map copy %[[O0]] into %[[E]]
// CHECK-NEXT: %[[F:.*]] = kernel.alloc
// CHECK-NEXT: kernel.layers %[[E]], %[[F]] {
// CHECK-NEXT: kernel.map copy %[[F]] into %[[O1]]
// CHECK-NEXT: return
func.func @read_again(%x: !h) -> (!h, !h) {
  %0 = llm.silu %x : !h
  %1 = llm.layers %0 {blocks = [@block.2], weights = [[@head.c]], schedule = array<i32: 0, 0, 0>} : (!h) -> !h
  %2 = llm.add %1, %0 : !h
  %3 = llm.layers %2 {blocks = [@block.2], weights = [[@head.c]], schedule = array<i32: 0, 0, 0>} : (!h) -> !h
  return %2, %3 : !h, !h
}

}
