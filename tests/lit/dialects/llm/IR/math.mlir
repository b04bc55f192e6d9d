// RUN: llmc-opt %s --verify-roundtrip | llmc-opt | FileCheck %s
// RUN: llmc-opt %s --mlir-print-op-generic | llmc-opt | FileCheck %s

// CHECK-LABEL: func.func @embed
func.func @embed(%tokens: tensor<?xi32>, %w: tensor<100x64xf16>) -> tensor<?x64xf32> {
  // CHECK: llm.embed %arg0, %arg1 : tensor<?xi32>, tensor<100x64xf16> -> tensor<?x64xf32>
  %h = llm.embed %tokens, %w : tensor<?xi32>, tensor<100x64xf16> -> tensor<?x64xf32>
  return %h : tensor<?x64xf32>
}

// CHECK-LABEL: func.func @norm
func.func @norm(%x: tensor<?x64xf32>, %w: tensor<64xf32>) -> tensor<?x64xf32> {
  // CHECK: llm.rms_norm %arg0, %arg1 eps 9.99999974E-6 : tensor<?x64xf32>, tensor<64xf32>
  %y = llm.rms_norm %x, %w eps 1.0e-05 : tensor<?x64xf32>, tensor<64xf32>
  return %y : tensor<?x64xf32>
}

// CHECK-LABEL: func.func @linear
func.func @linear(%x: tensor<?x64xf32>, %w: tensor<128x64x!llm.block<q4_0>>, %b: tensor<128xf32>)
    -> (tensor<?x128xf32>, tensor<?x128xf32>) {
  // CHECK: llm.linear %arg0, %arg1 : tensor<?x64xf32>, tensor<128x64x!llm.block<q4_0>> -> tensor<?x128xf32>
  %y = llm.linear %x, %w : tensor<?x64xf32>, tensor<128x64x!llm.block<q4_0>> -> tensor<?x128xf32>
  // CHECK: llm.linear %arg0, %arg1 bias %arg2 : tensor<128xf32> : tensor<?x64xf32>, tensor<128x64x!llm.block<q4_0>> -> tensor<?x128xf32>
  %z = llm.linear %x, %w bias %b : tensor<128xf32>
      : tensor<?x64xf32>, tensor<128x64x!llm.block<q4_0>> -> tensor<?x128xf32>
  return %y, %z : tensor<?x128xf32>, tensor<?x128xf32>
}

// CHECK-LABEL: func.func @elementwise
func.func @elementwise(%a: tensor<?x64xf32>, %b: tensor<?x64xf32>) -> tensor<?x64xf32> {
  // CHECK: %[[ADD:.*]] = llm.add %arg0, %arg1 : tensor<?x64xf32>
  %0 = llm.add %a, %b : tensor<?x64xf32>
  // CHECK: %[[MUL:.*]] = llm.mul %arg0, %[[ADD]] : tensor<?x64xf32>
  %1 = llm.mul %a, %0 : tensor<?x64xf32>
  // CHECK: %[[SILU:.*]] = llm.silu %[[MUL]] : tensor<?x64xf32>
  %2 = llm.silu %1 : tensor<?x64xf32>
  // CHECK: llm.swiglu %[[SILU]], %arg1 : tensor<?x64xf32>
  %3 = llm.swiglu %2, %b : tensor<?x64xf32>
  return %3 : tensor<?x64xf32>
}

// CHECK-LABEL: func.func @norms
func.func @norms(%x: tensor<?x64xf32>, %h: tensor<16xf32>, %w: tensor<64xf32>) -> tensor<?x64xf32> {
  // CHECK: llm.rms_norm %arg0, %arg1 eps 9.99999974E-6 : tensor<?x64xf32>, tensor<16xf32>
  %0 = llm.rms_norm %x, %h eps 1.0e-05 : tensor<?x64xf32>, tensor<16xf32>
  // CHECK: llm.layer_norm %{{.*}}, %arg2, %arg2 eps 9.99999974E-6 : tensor<?x64xf32>, tensor<64xf32>
  %1 = llm.layer_norm %0, %w, %w eps 1.0e-05 : tensor<?x64xf32>, tensor<64xf32>
  return %1 : tensor<?x64xf32>
}

// CHECK-LABEL: func.func @gelu
func.func @gelu(%a: tensor<?x64xf32>, %b: tensor<?x64xf32>) -> tensor<?x64xf32> {
  // CHECK: llm.gelu %arg0 : tensor<?x64xf32>
  %0 = llm.gelu %a : tensor<?x64xf32>
  // CHECK: llm.geglu %{{.*}}, %arg1 : tensor<?x64xf32>
  %1 = llm.geglu %0, %b : tensor<?x64xf32>
  // CHECK: llm.scale %{{.*}} by 8.000000e+00 : tensor<?x64xf32>
  %2 = llm.scale %1 by 8.0 : tensor<?x64xf32>
  // CHECK: llm.softcap %{{.*}} to 3.000000e+01 : tensor<?x64xf32>
  %3 = llm.softcap %2 to 30.0 : tensor<?x64xf32>
  return %3 : tensor<?x64xf32>
}

// CHECK-LABEL: func.func @halves
func.func @halves(%x: tensor<?x64xf32>, %t: tensor<?x16xf32>) -> tensor<?x64xf32> {
  // CHECK: llm.rope %arg0, %arg1 head_dim 32 {halves} : tensor<?x64xf32>, tensor<?x16xf32>
  %0 = llm.rope %x, %t head_dim 32 {halves} : tensor<?x64xf32>, tensor<?x16xf32>
  return %0 : tensor<?x64xf32>
}
