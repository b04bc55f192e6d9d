// RUN: llmc-opt %s --verify-roundtrip | llmc-opt | FileCheck %s
// RUN: llmc-opt %s --mlir-print-op-generic | llmc-opt | FileCheck %s

llm.weight @w : tensor<32x64xf16> from "w"
llm.weight @blk.w : tensor<32x64xf16> from "blk.{layer}.w" layers [0, 2]
// CHECK: llm.state @sums : !llm.column_sums<layers = 3, columns = 64> of [@w, @blk.w]
llm.state @sums : !llm.column_sums<layers = 3, columns = 64> of [@w, @blk.w]
// CHECK: llm.state @anonymous : !llm.column_sums<layers = 1, columns = 64>{{$}}
llm.state @anonymous : !llm.column_sums<layers = 1, columns = 64>

// CHECK-LABEL: func.func @measure
func.func @measure(%x: tensor<?x64xf32>, %layer: index) {
  // CHECK: %[[S:.*]] = llm.get_state @sums : !llm.column_sums<layers = 3, columns = 64>
  %s = llm.get_state @sums : !llm.column_sums<layers = 3, columns = 64>
  // CHECK: llm.sum_squares %{{.*}} into %[[S]][%{{.*}}] : tensor<?x64xf32>, !llm.column_sums<layers = 3, columns = 64>
  llm.sum_squares %x into %s[%layer] : tensor<?x64xf32>, !llm.column_sums<layers = 3, columns = 64>
  return
}
