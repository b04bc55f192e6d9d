// RUN: llmc-opt %s --verify-roundtrip | llmc-opt | FileCheck %s
// RUN: llmc-opt %s --mlir-print-op-generic | llmc-opt | FileCheck %s

// CHECK-LABEL: func.func @route
func.func @route(%l: tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>, tensor<?x8xf32>) {
  // CHECK: llm.route %arg0 {normalize} : tensor<?x8xf32> -> tensor<?x2xi32>, tensor<?x2xf32>
  %i, %w = llm.route %l {normalize} : tensor<?x8xf32> -> tensor<?x2xi32>, tensor<?x2xf32>
  // CHECK: llm.route %arg0 : tensor<?x8xf32> -> tensor<?x8xi32>, tensor<?x8xf32>
  %j, %v = llm.route %l : tensor<?x8xf32> -> tensor<?x8xi32>, tensor<?x8xf32>
  return %i, %w, %v : tensor<?x2xi32>, tensor<?x2xf32>, tensor<?x8xf32>
}

// Of one input for all of a token's experts, and of one for each.
// CHECK-LABEL: func.func @linear
func.func @linear(%x: tensor<?x64xf32>, %i: tensor<?x2xi32>, %w: tensor<8x32x64x!llm.block<q4_0>>,
                  %v: tensor<8x16x32xf16>) -> tensor<?x32xf32> {
  // CHECK: llm.expert_linear %arg0, %arg1, %arg2 : tensor<?x64xf32>, tensor<?x2xi32>, tensor<8x32x64x!llm.block<q4_0>> -> tensor<?x64xf32>
  %y = llm.expert_linear %x, %i, %w
      : tensor<?x64xf32>, tensor<?x2xi32>, tensor<8x32x64x!llm.block<q4_0>> -> tensor<?x64xf32>
  // CHECK: llm.expert_linear %{{.*}}, %arg1, %arg3 : tensor<?x64xf32>, tensor<?x2xi32>, tensor<8x16x32xf16> -> tensor<?x32xf32>
  %z = llm.expert_linear %y, %i, %v
      : tensor<?x64xf32>, tensor<?x2xi32>, tensor<8x16x32xf16> -> tensor<?x32xf32>
  return %z : tensor<?x32xf32>
}

// CHECK-LABEL: func.func @swiglu
func.func @swiglu(%x: tensor<?x64xf32>, %i: tensor<?x2xi32>, %g: tensor<8x32x64xf16>,
                  %u: tensor<8x32x64x!llm.block<q4_0>>) -> tensor<?x64xf32> {
  // CHECK: llm.expert_swiglu %arg0, %arg1, %arg2, %arg3 : tensor<?x64xf32>, tensor<?x2xi32>, tensor<8x32x64xf16>, tensor<8x32x64x!llm.block<q4_0>> -> tensor<?x64xf32>
  %y = llm.expert_swiglu %x, %i, %g, %u
      : tensor<?x64xf32>, tensor<?x2xi32>, tensor<8x32x64xf16>, tensor<8x32x64x!llm.block<q4_0>> -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// CHECK-LABEL: func.func @sum
func.func @sum(%x: tensor<?x128xf32>, %w: tensor<?x2xf32>, %h: tensor<?x64xf32>) -> tensor<?x64xf32> {
  // CHECK: %[[Y:.*]] = llm.expert_sum %arg0, %arg1 : tensor<?x128xf32>, tensor<?x2xf32> -> tensor<?x64xf32>
  %y = llm.expert_sum %x, %w : tensor<?x128xf32>, tensor<?x2xf32> -> tensor<?x64xf32>
  // CHECK: llm.expert_sum %arg0, %arg1 residual %[[Y]] : tensor<?x128xf32>, tensor<?x2xf32>, tensor<?x64xf32> -> tensor<?x64xf32>
  %z = llm.expert_sum %x, %w residual %y
      : tensor<?x128xf32>, tensor<?x2xf32>, tensor<?x64xf32> -> tensor<?x64xf32>
  return %z : tensor<?x64xf32>
}

// CHECK-LABEL: func.func @squares
func.func @squares(%x: tensor<?x64xf32>, %i: tensor<?x2xi32>, %s: !llm.column_sums<layers = 16, columns = 65>,
                   %layer: index) {
  // CHECK: llm.expert_sum_squares %arg0, %arg1 into %arg2[%arg3] {experts = 8 : i64} : tensor<?x64xf32>, tensor<?x2xi32>, !llm.column_sums<layers = 16, columns = 65>
  llm.expert_sum_squares %x, %i into %s[%layer] {experts = 8 : i64}
      : tensor<?x64xf32>, tensor<?x2xi32>, !llm.column_sums<layers = 16, columns = 65>
  return
}
