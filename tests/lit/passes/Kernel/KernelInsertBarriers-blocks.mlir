// RUN: %opt %s --kernel-insert-barriers | FileCheck %s

// The borders of blocks.

!b = !kernel.buffer<16 x f32>

module attributes {kernel.target = #kernel.target<dot = vnni512, tiles = [1, 2], max_rows = 9>} {

// A block ends with a barrier, so that the next begins with no work pending.
// CHECK-LABEL: func.func private @block(
// CHECK: kernel.map silu
// CHECK-NEXT: kernel.barrier
// CHECK-NEXT: return
func.func private @block(%h: !b, %layer: index, %i: index, %out: !b) {
  kernel.map silu %h into %out : !b, !b
  return
}

// CHECK-LABEL: func.func private @empty_block(
// CHECK-NEXT: return
func.func private @empty_block(%h: !b, %layer: index, %i: index, %out: !b) {
  return
}

// Layers begin after everything else, and leave nothing behind.
// CHECK-LABEL: func.func @layers(
// CHECK: kernel.map silu
// CHECK-NEXT: kernel.barrier
// CHECK-NEXT: kernel.layers
// CHECK-NEXT: kernel.layers
// CHECK-NEXT: kernel.map silu
// CHECK-NEXT: return
func.func @layers(%x: !b, %y: !b) {
  %a = kernel.alloc at 0 : !b
  %b = kernel.alloc at 1024 : !b
  kernel.map silu %x into %y : !b, !b
  kernel.layers %a, %b {blocks = [@block], schedule = array<i32: 0>} : !b, !b
  kernel.layers %b, %a {blocks = [@block], schedule = array<i32: 0>} : !b, !b
  kernel.map silu %a into %b : !b, !b
  return
}

}
