// RUN: %opt %s --kernel-insert-barriers | FileCheck %s

// A barrier where an operation meets memory that another one used since the last barrier, if one of
// the two writes. Offsets are those of buffers of 1024 bytes: 9 rows and 7 of padding.

!b = !kernel.buffer<16 x f32>
!kv = !llm.kv_cache<layers = 2, heads = 1, key = 16 x f16, value = 16 x f16>

module attributes {kernel.target = #kernel.target<dot = vnni512, tiles = [1, 2], max_rows = 9>} {

// CHECK-LABEL: func.func @read_after_write(
// CHECK: kernel.map silu
// CHECK-NEXT: kernel.barrier
// CHECK-NEXT: kernel.map silu
// CHECK-NEXT: return
func.func @read_after_write(%x: !b, %y: !b) {
  %a = kernel.alloc at 0 : !b
  kernel.map silu %x into %a : !b, !b
  kernel.map silu %a into %y : !b, !b
  return
}

// CHECK-LABEL: func.func @write_after_read(
// CHECK: kernel.map silu
// CHECK-NEXT: kernel.barrier
// CHECK-NEXT: kernel.map silu
// CHECK-NEXT: return
func.func @write_after_read(%x: !b, %y: !b) {
  %a = kernel.alloc at 0 : !b
  kernel.map silu %a into %y : !b, !b
  kernel.map silu %x into %a : !b, !b
  return
}

// CHECK-LABEL: func.func @write_after_write(
// CHECK: kernel.map silu
// CHECK-NEXT: kernel.barrier
// CHECK-NEXT: kernel.map silu
// CHECK-NEXT: return
func.func @write_after_write(%x: !b, %y: !b) {
  %a = kernel.alloc at 0 : !b
  kernel.map silu %x into %a : !b, !b
  kernel.map silu %y into %a : !b, !b
  return
}

// Parameters lie apart from each other and from the arena; but each is itself.
// CHECK-LABEL: func.func @parameters(
// CHECK: kernel.map silu
// CHECK-NEXT: kernel.map silu
// CHECK-NEXT: kernel.map silu
// CHECK-NEXT: kernel.barrier
// CHECK-NEXT: kernel.map silu
// CHECK-NEXT: return
func.func @parameters(%x: !b, %y: !b, %z: !b) {
  %a = kernel.alloc at 0 : !b
  kernel.map silu %x into %a : !b, !b
  kernel.map silu %x into %y : !b, !b
  kernel.map silu %x into %z : !b, !b
  kernel.map silu %z into %x : !b, !b
  return
}

// One barrier serves all that was before it.
// CHECK-LABEL: func.func @shared_barrier(
// CHECK: kernel.map silu
// CHECK-NEXT: kernel.map silu
// CHECK-NEXT: kernel.barrier
// CHECK-NEXT: kernel.map silu
// CHECK-NEXT: kernel.map silu
// CHECK-NEXT: kernel.barrier
// CHECK-NEXT: kernel.map silu
// CHECK-NEXT: return
func.func @shared_barrier(%x: !b, %y: !b, %z: !b) {
  %a = kernel.alloc at 0 : !b
  %b = kernel.alloc at 1024 : !b
  kernel.map silu %x into %a : !b, !b
  kernel.map silu %x into %b : !b, !b
  kernel.map silu %a into %y : !b, !b
  kernel.map silu %b into %z : !b, !b
  kernel.map silu %x into %a : !b, !b
  return
}

// Buffers that share a place in the arena are one memory, in part or whole; neighbours are not.
// CHECK-LABEL: func.func @arena(
// CHECK: kernel.map silu %arg0 into %[[A:[0-9]+]] :
// CHECK-NEXT: kernel.map silu %arg0 into
// CHECK-NEXT: kernel.barrier
// CHECK-NEXT: kernel.map silu
// CHECK-NEXT: kernel.barrier
// CHECK-NEXT: kernel.pack_rows
// CHECK-NEXT: return
func.func @arena(%x: !b, %y: !b) {
  %a = kernel.alloc at 0 : !b
  %behind = kernel.alloc at 1024 : !b
  %part = kernel.alloc at 960 : !b
  %p = kernel.alloc at 1920 : !kernel.packed<8 x f32, tiles = [1, 2], corrections = [], sums = []>
  kernel.map silu %x into %a : !b, !b
  kernel.map silu %x into %behind : !b, !b
  kernel.map silu %y into %part : !b, !b
  kernel.pack_rows %y, %p : !b, !kernel.packed<8 x f32, tiles = [1, 2], corrections = [], sums = []>
  return
}

}
