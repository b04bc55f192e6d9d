// RUN: %opt %s --kernel-gather-packs | FileCheck %s

!b = !kernel.buffer<16 x f32>
!p = !kernel.packed<16 x f32, tiles = [1, 2], corrections = [], sums = []>
!w = tensor<16x16xf32, #llm.packed<rows = 16>>

module attributes {kernel.target = #kernel.target<dot = vnni512, tiles = [1, 2], max_rows = 9>} {

llm.weight @w : !w from "w"

// Three small products, as of the adapters of q, k and v.
// CHECK-LABEL: func.func @independent(
// CHECK: %[[W:.*]] = kernel.get_weight
// CHECK: %[[P:.*]] = kernel.alloc
// CHECK-NEXT: kernel.pack_rows %arg0, %[[P]]
// CHECK-NEXT: %[[Q:.*]] = kernel.alloc
// CHECK-NEXT: kernel.pack_rows %arg1, %[[Q]]
// CHECK-NEXT: %[[R:.*]] = kernel.alloc
// CHECK-NEXT: kernel.pack_rows %arg2, %[[R]]
// CHECK-NEXT: kernel.matmul %[[P]], %[[W]], %arg3
// CHECK-NEXT: kernel.matmul %[[Q]], %[[W]], %arg4
// CHECK-NEXT: kernel.matmul %[[R]], %[[W]], %arg5
// CHECK-NEXT: return
func.func @independent(%x: !b, %y: !b, %z: !b, %u: !b, %v: !b, %t: !b) {
  %w = kernel.get_weight @w : !w
  %p = kernel.alloc at -1 : !p
  kernel.pack_rows %x, %p : !b, !p
  kernel.matmul %p, %w, %u : !p, !w, !b
  %q = kernel.alloc at -1 : !p
  kernel.pack_rows %y, %q : !b, !p
  kernel.matmul %q, %w, %v : !p, !w, !b
  %r = kernel.alloc at -1 : !p
  kernel.pack_rows %z, %r : !b, !p
  kernel.matmul %r, %w, %t : !p, !w, !b
  return
}

// What a product writes is packed behind it.
// CHECK-LABEL: func.func @dependent(
// CHECK: kernel.pack_rows
// CHECK-NEXT: kernel.matmul
// CHECK-NEXT: kernel.matmul
// CHECK-NEXT: kernel.alloc
// CHECK-NEXT: kernel.pack_rows
// CHECK-NEXT: return
func.func @dependent(%x: !b, %u: !b, %v: !b) {
  %w = kernel.get_weight @w : !w
  %p = kernel.alloc at -1 : !p
  kernel.pack_rows %x, %p : !b, !p
  kernel.matmul %p, %w, %u : !p, !w, !b
  kernel.matmul %p, %w, %v : !p, !w, !b
  %q = kernel.alloc at -1 : !p
  kernel.pack_rows %u, %q : !b, !p
  return
}

// Something else than a product may write anything.
// CHECK-LABEL: func.func @others(
// CHECK: kernel.matmul
// CHECK-NEXT: kernel.map silu
// CHECK-NEXT: kernel.alloc
// CHECK-NEXT: kernel.pack_rows
// CHECK-NEXT: return
func.func @others(%x: !b, %y: !b, %u: !b) {
  %w = kernel.get_weight @w : !w
  %p = kernel.alloc at -1 : !p
  kernel.pack_rows %x, %p : !b, !p
  kernel.matmul %p, %w, %u : !p, !w, !b
  kernel.map silu %x into %y : !b, !b
  %q = kernel.alloc at -1 : !p
  kernel.pack_rows %y, %q : !b, !p
  return
}

}
