// RUN: %opt %s --kernel-plan-memory --kernel-insert-barriers | FileCheck %s

!r = !kernel.routing<experts = 8, top_k = 2, tile = 2>
!b = !kernel.buffer<64 x f32>
!y = !kernel.routed<!kernel.buffer<64 x f32> by !kernel.routing<experts = 8, top_k = 2, tile = 2>>
!p = !kernel.routed<!kernel.packed<64 x f32, tiles = [1, 2], corrections = [], sums = []> by !kernel.routing<experts = 8, top_k = 2, tile = 2>>
!w = tensor<8x64x64xf16, #llm.packed<rows = 16>>

module attributes {kernel.target = #kernel.target<dot = vnni512, tiles = [1, 2], max_rows = 9>} {

llm.weight @w : !w from "w"

// All wait for the table; gate and up are split alike, so that up need not wait for the gate.
// CHECK-LABEL: func.func @layer(
// CHECK: kernel.route %
// CHECK-NEXT: kernel.barrier
// CHECK-NEXT: kernel.group_tokens
// CHECK-NEXT: kernel.barrier
// CHECK-NEXT: kernel.pack_routed
// CHECK-NEXT: kernel.barrier
// CHECK-NEXT: kernel.expert_matmul
// CHECK-NEXT: kernel.expert_matmul
// CHECK-NEXT: kernel.barrier
// CHECK-NEXT: kernel.pack_routed
// CHECK-NEXT: kernel.barrier
// CHECK-NEXT: kernel.expert_matmul
// CHECK-NEXT: kernel.barrier
// CHECK-NEXT: kernel.expert_sum
// CHECK-NEXT: return
func.func @layer(%l: !kernel.buffer<8 x f32>, %x: !b, %h: !b, %out: !b) {
  %w = kernel.get_weight @w : !w
  %r = kernel.alloc at -1 : !r
  %p = kernel.alloc at -1 : !p
  %y = kernel.alloc at -1 : !y
  %q = kernel.alloc at -1 : !p
  %z = kernel.alloc at -1 : !y
  kernel.route %l, %r : !kernel.buffer<8 x f32>, !r
  kernel.group_tokens %r : !r
  kernel.pack_routed %x, %p by %r {shared} : !b, !p, !r
  kernel.expert_matmul %p, %w, %y by %r {shared} : !p, !w, !y, !r
  kernel.expert_matmul %p, %w, %y by %r other %y {epilogue = #kernel.epilogue<swiglu>, shared} : !p, !w, !y, !r, !y
  kernel.pack_routed %y, %q by %r : !y, !p, !r
  kernel.expert_matmul %q, %w, %z by %r : !p, !w, !y, !r
  kernel.expert_sum %z, %out by %r residual %h : !y, !b, !r, !b
  return
}

}
