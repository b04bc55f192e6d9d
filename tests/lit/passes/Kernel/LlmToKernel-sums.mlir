// RUN: %opt %s --llm-to-kernel | FileCheck %s
// RUN: %opt %s --llm-to-kernel --kernel-plan-memory --kernel-insert-barriers | FileCheck %s --check-prefix=BARRIERS

!h = tensor<?x64xf32>
!w = tensor<64x64xf16, #llm.packed<rows = 16>>
!s = !llm.column_sums<layers = 2, columns = 64>

module attributes {kernel.target = #kernel.target<dot = plain, tiles = [1], max_rows = 9>} {

llm.weight @a : !w from "blk.{layer}.a" layers [0, 1]
llm.weight @b : !w from "blk.{layer}.b" layers [0, 1]
llm.state @s.0 : !s of [@a]
llm.state @s.1 : !s of [@b]

// CHECK-LABEL: func.func private @block(
// CHECK-SAME: %[[X:[^:]*]]: !kernel.buffer<64 x f32>, %[[LAYER:[^:]*]]: index
// CHECK: %[[S:.*]] = kernel.get_state @s.0 : !llm.column_sums<layers = 2, columns = 64>
// CHECK-NEXT: kernel.sum_squares %[[X]] into %[[S]][%[[LAYER]]] : !kernel.buffer<64 x f32>, !llm.column_sums<layers = 2, columns = 64>
// CHECK: kernel.matmul %{{.*}}, %{{.*}}, %[[P:[^ ]*]] :
// CHECK: kernel.sum_squares %[[P]] into
// What a product wrote is read by other threads; sums and packing both only read it. Different sums
// are different memory.
// BARRIERS-LABEL: func.func private @block(
// BARRIERS: kernel.sum_squares
// BARRIERS-NOT: kernel.barrier
// BARRIERS: kernel.pack_rows
// BARRIERS: kernel.barrier
// BARRIERS-NEXT: kernel.matmul
// BARRIERS-NEXT: kernel.get_state @s.1
// BARRIERS-NEXT: kernel.barrier
// BARRIERS-NEXT: kernel.sum_squares
// BARRIERS-NOT: kernel.barrier
// BARRIERS: kernel.pack_rows
// BARRIERS-NEXT: kernel.barrier
// BARRIERS-NEXT: kernel.matmul
func.func private @block(%x: !h, %layer: index, %a: !w, %b: !w) -> !h {
  %s = llm.get_state @s.0 : !s
  llm.sum_squares %x into %s[%layer] : !h, !s
  %p = llm.linear %x, %a : !h, !w -> !h
  %t = llm.get_state @s.1 : !s
  llm.sum_squares %p into %t[%layer] : !h, !s
  %y = llm.linear %p, %b : !h, !w -> !h
  return %y : !h
}

func.func @step(%x: !h) -> !h {
  %y = llm.layers %x {blocks = [@block], weights = [[@a, @b]], schedule = array<i32: 0, 0>} : (!h) -> !h
  return %y : !h
}

// The same sums twice are one memory, by whatever handle. Columns stay with their thread, but nothing
// says so.
// BARRIERS-LABEL: func.func @twice(
// BARRIERS: kernel.sum_squares
// BARRIERS-NEXT: kernel.barrier
// BARRIERS-NEXT: kernel.sum_squares
func.func @twice(%x: !h) {
  %zero = arith.constant 0 : index
  %s = llm.get_state @s.0 : !s
  %again = llm.get_state @s.0 : !s
  llm.sum_squares %x into %s[%zero] : !h, !s
  llm.sum_squares %x into %again[%zero] : !h, !s
  return
}

}
