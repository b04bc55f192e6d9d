// RUN: llmc-opt %s --verify-roundtrip | llmc-opt | FileCheck %s
// RUN: llmc-opt %s --mlir-print-op-generic | llmc-opt | FileCheck %s

!m = tensor<32x64x!llm.block<q4_0>>

// CHECK-LABEL: func.func @all
func.func @all(%x: tensor<?x64xf32>, %n: tensor<64xf32>, %a: !m, %b: !m, %bias: tensor<32xf32>,
               %r: tensor<?x32xf32>) {
  // CHECK: llm.fused_linear %arg0 weights(%arg2)
  // CHECK-SAME: : (tensor<?x64xf32>, tensor<32x64x!llm.block<q4_0>>) -> tensor<?x32xf32>
  %0 = llm.fused_linear %x weights(%a) : (tensor<?x64xf32>, !m) -> tensor<?x32xf32>
  // CHECK: llm.fused_linear %arg0 norm(%arg1) weights(%arg2, %arg3) biases(%arg4)
  // CHECK-SAME: {biased = array<i1: false, true>, eps = 9.99999974E-6 : f32}
  // CHECK-SAME: -> (tensor<?x32xf32>, tensor<?x32xf32>)
  %1:2 = llm.fused_linear %x norm(%n) weights(%a, %b) biases(%bias)
      {eps = 1.0e-05 : f32, biased = array<i1: false, true>}
      : (tensor<?x64xf32>, tensor<64xf32>, !m, !m, tensor<32xf32>) -> (tensor<?x32xf32>, tensor<?x32xf32>)
  // CHECK: llm.fused_linear %arg0 weights(%arg2) residual(%arg5)
  %2 = llm.fused_linear %x weights(%a) residual(%r)
      : (tensor<?x64xf32>, !m, tensor<?x32xf32>) -> tensor<?x32xf32>
  // CHECK: llm.fused_linear %arg0 weights(%arg2, %arg3) biases(%arg4, %arg4)
  // CHECK-SAME: {activation = #llm.activation<swiglu>, biased = array<i1: true, true>}
  // CHECK-SAME: -> tensor<?x32xf32>
  %3 = llm.fused_linear %x weights(%a, %b) biases(%bias, %bias)
      {activation = #llm.activation<swiglu>, biased = array<i1: true, true>}
      : (tensor<?x64xf32>, !m, !m, tensor<32xf32>, tensor<32xf32>) -> tensor<?x32xf32>
  return
}
