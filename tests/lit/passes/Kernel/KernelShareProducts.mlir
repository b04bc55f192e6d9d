// RUN: %opt %s --kernel-share-products | FileCheck %s

!b = !kernel.buffer<256 x f32>
!u = !kernel.buffer<8 x f32>
!p = !kernel.packed<16 x f32, tiles = [1, 2], corrections = [], sums = []>
!w = tensor<256x16xf32, #llm.packed<rows = 16>>
!a = tensor<8x16xf32, #llm.packed<rows = 16>>

module attributes {kernel.target = #kernel.target<dot = vnni512, tiles = [1, 2], max_rows = 9>} {

llm.weight @w : !w from "w"
llm.weight @a : !a from "a"

// Bytes: 256 rows of 16 floats, and 8 rows that are packed as 16.
// CHECK-LABEL: func.func @few_rows(
// CHECK: kernel.matmul %arg0, %{{.*}}, %arg1 {share = array<i64: 0, 34816>}
// CHECK-NEXT: kernel.matmul %arg0, %{{.*}}, %arg2 {share = array<i64: 16384, 34816>}
// CHECK-NEXT: kernel.matmul %arg0, %{{.*}}, %arg3 {share = array<i64: 17408, 34816>}
// CHECK-NEXT: kernel.matmul %arg0, %{{.*}}, %arg4 {share = array<i64: 33792, 34816>}
// CHECK-NEXT: kernel.barrier
// CHECK-NEXT: kernel.matmul %arg0, %{{.*}}, %arg1 :
func.func @few_rows(%p: !p, %q: !b, %r: !u, %s: !b, %t: !u) {
  %w = kernel.get_weight @w : !w
  %a = kernel.get_weight @a : !a
  kernel.matmul %p, %w, %q : !p, !w, !b
  kernel.matmul %p, %a, %r : !p, !a, !u
  kernel.matmul %p, %w, %s : !p, !w, !b
  kernel.matmul %p, %a, %t : !p, !a, !u
  kernel.barrier
  kernel.matmul %p, %w, %q : !p, !w, !b
  return
}

// CHECK-LABEL: func.func @many_rows(
// CHECK-NOT: share
func.func @many_rows(%p: !p, %q: !b, %r: !b) {
  %w = kernel.get_weight @w : !w
  kernel.matmul %p, %w, %q : !p, !w, !b
  kernel.matmul %p, %w, %r : !p, !w, !b
  return
}

// Who has rows of the gate must have those of up.
// CHECK-LABEL: func.func @rows_that_stay(
// CHECK-NOT: share
func.func @rows_that_stay(%p: !p, %q: !b, %u: !u) {
  %w = kernel.get_weight @w : !w
  %a = kernel.get_weight @a : !a
  kernel.matmul %p, %w, %q : !p, !w, !b
  kernel.matmul %p, %w, %q other %q {epilogue = #kernel.epilogue<swiglu>} : !p, !w, !b, !b
  kernel.matmul %p, %a, %u : !p, !a, !u
  return
}

}
