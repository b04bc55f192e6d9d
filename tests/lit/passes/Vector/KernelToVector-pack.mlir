// RUN: %opt %s --kernel-to-vector | FileCheck %s

// Packing: each line is gathered from 16 rows, those that are not there left out.

module attributes {kernel.target = #kernel.target<dot = plain, tiles = [1], max_rows = 1>} {

// 34 bytes of GGUF are 32 weights; a unit is two blocks in 1088 bytes, scales first. Signed bytes become
// unsigned.
// CHECK-LABEL: func.func @pack.q8_0(
// CHECK-SAME: %{{.*}}: !llvm.ptr, %[[T:.*]]: i64, %[[N:.*]]: i64) {
// CHECK: %[[SOURCE:.*]] = llvm.inttoptr %{{.*}} : i64 to !llvm.ptr
// CHECK: %[[PACKED:.*]] = llvm.inttoptr %{{.*}} : i64 to !llvm.ptr
// The rows' groups are split among threads.
// CHECK: %[[GROUPS:.*]] = arith.divui %{{.*}}, %c16_i64
// CHECK: %[[BEFORE:.*]] = arith.muli %[[GROUPS]], %[[T]]
// CHECK: %[[FIRST:.*]] = arith.divui %[[BEFORE]], %[[N]]
// CHECK: scf.for %[[GROUP:.*]] = %[[FIRST]] to
// CHECK: %[[THERE:.*]] = arith.cmpi slt, %{{.*}} : vector<16xi32>
// The second block of a unit may lie behind the end of the row.
// CHECK: scf.if
// CHECK: %[[D:.*]] = llvm.intr.masked.gather %{{.*}}, %[[THERE]], {{.*}} {alignment = 1 : i32} : {{.*}} -> vector<16xi32>
// CHECK: %[[HALF:.*]] = arith.trunci %[[D]] : vector<16xi32> to vector<16xi16>
// CHECK: llvm.store %[[HALF]], {{.*}} : vector<16xi16>
// CHECK: %[[FLIP:.*]] = arith.constant dense<-2139062144> : vector<16xi32>
// CHECK: %[[QS:.*]] = llvm.intr.masked.gather %{{.*}}, %[[THERE]], %[[FLIP]]
// CHECK: %[[UNSIGNED:.*]] = arith.xori %[[QS]], %[[FLIP]] : vector<16xi32>
// CHECK: llvm.store %[[UNSIGNED]], {{.*}} {alignment = 64 : i64} : vector<16xi32>
// CHECK-COUNT-7: llvm.intr.masked.gather
// CHECK-NOT: llvm.intr.masked.gather
// CHECK: else
// CHECK: llvm.store %{{.*}} : vector<16xi8>
// CHECK: return
func.func @pack.q8_0(%source: index, %packed: index, %rows: index, %columns: index) {
  kernel.pack %source to %packed rows %rows columns %columns as !llm.block<q8_0>
  return
}

// A block of Q4_K fills its unit: 2 small fields, 3 words of scales, 32 of weights.
// CHECK-LABEL: func.func @pack.q4_K(
// CHECK-NOT: scf.if
// CHECK-COUNT-37: llvm.intr.masked.gather
// CHECK-NOT: llvm.intr.masked.gather
// CHECK: return
func.func @pack.q4_K(%source: index, %packed: index, %rows: index, %columns: index) {
  kernel.pack %source to %packed rows %rows columns %columns as !llm.block<q4_K>
  return
}

// Halves are read in pairs, the last of an odd number with the one before.
// CHECK-LABEL: func.func @pack.f16(
// CHECK: llvm.intr.masked.gather
// CHECK: llvm.store %{{.*}} : vector<16xi16>
// CHECK: llvm.store %{{.*}} : vector<16xi16>
// CHECK: scf.if
// CHECK: llvm.getelementptr %{{.*}}[-2]
// CHECK: llvm.intr.masked.gather
// CHECK: llvm.store %{{.*}} : vector<16xi16>
// CHECK-NOT: llvm.store
// CHECK: return
func.func @pack.f16(%source: index, %packed: index, %rows: index, %columns: index) {
  kernel.pack %source to %packed rows %rows columns %columns as f16
  return
}

}
