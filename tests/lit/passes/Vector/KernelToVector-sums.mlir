// RUN: %opt %s --kernel-to-vector | FileCheck %s

!b = !kernel.buffer<200 x f32>
!s = !llm.column_sums<layers = 3, columns = 200>
!kv = !llm.kv_cache<layers = 2, heads = 2, key = 16 x f16, value = 16 x f16>

module attributes {kernel.target = #kernel.target<dot = plain, tiles = [1], max_rows = 9>} {

// The runtime has caches first.
llm.state @s : !s
llm.state @kv : !kv

// CHECK-LABEL: func.func private @measure(
// CHECK-SAME: %[[C:[^:]*]]: !llvm.ptr, %[[T:[^:]*]]: i64, %[[N:[^:]*]]: i64, %[[X:[^:]*]]: !llvm.ptr, %[[LAYER:[^:]*]]: i64)
// CHECK: %[[ROWS:.*]] = llvm.load {{.*}} -> i64
// CHECK: %[[STATES_AT:.*]] = llvm.getelementptr %[[C]][8]
// CHECK-NEXT: %[[STATES:.*]] = llvm.load %[[STATES_AT]]
// CHECK-NEXT: %[[S_AT:.*]] = llvm.getelementptr %[[STATES]][8]
// CHECK-NEXT: %[[S:.*]] = llvm.load %[[S_AT]]
// A row of 200 floats has 13 vectors.
// CHECK: %[[BYTES:.*]] = arith.constant 832 : i64
// CHECK: %[[OFFSET:.*]] = arith.muli %[[LAYER]], %[[BYTES]]
// CHECK: %[[ROW:.*]] = llvm.getelementptr %[[S]][%[[OFFSET]]]
// CHECK: call @sum_squares.200(%[[T]], %[[N]], %[[ROWS]], %[[X]], %[[ROW]])
func.func private @measure(%x: !b, %layer: index) {
  %s = kernel.get_state @s : !s
  kernel.sum_squares %x into %s[%layer] : !b, !s
  return
}

// Threads take groups of 128 columns; the last has 72, in five vectors of which the fifth is not
// whole.
// CHECK-LABEL: func.func private @sum_squares.200(
// CHECK: scf.for
// CHECK: scf.if
// CHECK: scf.for
// CHECK-COUNT-8: llvm.intr.fma
// CHECK-NOT: llvm.intr.fma
// CHECK: else
// CHECK: scf.for
// CHECK-COUNT-5: llvm.intr.fma
// CHECK-NOT: llvm.intr.fma

}
