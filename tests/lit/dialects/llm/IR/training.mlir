// RUN: llmc-opt %s --verify-roundtrip | llmc-opt | FileCheck %s
// RUN: llmc-opt %s --mlir-print-op-generic | llmc-opt | FileCheck %s
// RUN: llmc-opt %s --canonicalize | FileCheck %s --check-prefix=FOLD

!w = tensor<128x64x!llm.block<q4_0>>

// CHECK: llm.parameter @one : tensor<8x64xf32> from "output.weight.lora_a"
llm.parameter @one : tensor<8x64xf32> from "output.weight.lora_a"
// CHECK: llm.parameter @family : tensor<8x64xf32> from "blk.{layer}.lora_a" layers [0, 2]
llm.parameter @family : tensor<8x64xf32> from "blk.{layer}.lora_a" layers [0, 2]

// CHECK: llm.parameter @part : tensor<64xf32> from "blk.{layer}.b" row 128 layers [1]
llm.parameter @part : tensor<64xf32> from "blk.{layer}.b" row 128 layers [1]

// CHECK-LABEL: func.func @parameters
func.func @parameters(%g: tensor<8x64xf32>, %layer: index) -> tensor<8x64xf32> {
  // CHECK: llm.accumulate_gradient %arg0 into @one : tensor<8x64xf32>
  llm.accumulate_gradient %g into @one : tensor<8x64xf32>
  // CHECK: llm.accumulate_gradient %arg0 into @family[%arg1] : tensor<8x64xf32>
  llm.accumulate_gradient %g into @family[%layer] : tensor<8x64xf32>
  // CHECK: llm.get_parameter @one : tensor<8x64xf32>
  %a = llm.get_parameter @one : tensor<8x64xf32>
  return %a : tensor<8x64xf32>
}

// CHECK-LABEL: func.func @products
func.func @products(%x: tensor<?x64xf32>, %a: tensor<8x64xf32>, %w: !w, %y: tensor<?x128xf32>,
                    %b: tensor<128x8xf32>) {
  // CHECK: llm.row_norms %arg2, %arg1, %arg4 scale 5.000000e-01 : tensor<128x64x!llm.block<q4_0>>, tensor<8x64xf32>, tensor<128x8xf32> -> tensor<128xf32>
  %n = llm.row_norms %w, %a, %b scale 0.5 : !w, tensor<8x64xf32>, tensor<128x8xf32> -> tensor<128xf32>
  // CHECK: %[[U:.*]] = llm.matmul %arg0, %arg1 transposed : tensor<?x64xf32>, tensor<8x64xf32> -> tensor<?x8xf32>
  %u = llm.matmul %x, %a transposed : tensor<?x64xf32>, tensor<8x64xf32> -> tensor<?x8xf32>
  // CHECK: llm.matmul %[[U]], %arg1 scale 2.000000e+00 plus %arg0 : tensor<?x64xf32> : tensor<?x8xf32>, tensor<8x64xf32> -> tensor<?x64xf32>
  %v = llm.matmul %u, %a scale 2.0 plus %x : tensor<?x64xf32>
      : tensor<?x8xf32>, tensor<8x64xf32> -> tensor<?x64xf32>
  // CHECK: llm.outer %[[U]], %arg0 scale 5.000000e-01 : tensor<?x8xf32>, tensor<?x64xf32> -> tensor<8x64xf32>
  %g = llm.outer %u, %x scale 0.5 : tensor<?x8xf32>, tensor<?x64xf32> -> tensor<8x64xf32>
  // CHECK: llm.linear_transposed %arg3, %arg2 : tensor<?x128xf32>, tensor<128x64x!llm.block<q4_0>> -> tensor<?x64xf32>
  %d = llm.linear_transposed %y, %w : tensor<?x128xf32>, !w -> tensor<?x64xf32>
  // CHECK: llm.linear_transposed %arg3, %arg2 plus %arg0 : tensor<?x64xf32> : tensor<?x128xf32>
  %e = llm.linear_transposed %y, %w plus %x : tensor<?x64xf32> : tensor<?x128xf32>, !w -> tensor<?x64xf32>
  return
}

// CHECK-LABEL: func.func @rows
func.func @rows(%x: tensor<?x64xf32>, %n: tensor<64xf32>, %table: tensor<?x16xf32>, %start: index,
                %tokens: tensor<?xi32>) {
  // CHECK: llm.rms_norm_adjoint %arg0, %arg0, %arg1 eps 9.99999974E-6 : tensor<?x64xf32>, tensor<64xf32>
  %0 = llm.rms_norm_adjoint %x, %x, %n eps 1.0e-05 : tensor<?x64xf32>, tensor<64xf32>
  // CHECK: llm.rms_norm_weight_adjoint %arg0, %arg0 eps 5.000000e-01 : tensor<?x64xf32> -> tensor<16xf32>
  %7 = llm.rms_norm_weight_adjoint %x, %x eps 0.5 : tensor<?x64xf32> -> tensor<16xf32>
  // CHECK: llm.layer_norm_adjoint %arg0, %arg0, %arg1 eps 5.000000e-01 : tensor<?x64xf32>, tensor<64xf32>
  %8 = llm.layer_norm_adjoint %x, %x, %n eps 0.5 : tensor<?x64xf32>, tensor<64xf32>
  // CHECK: llm.layer_norm_weight_adjoint %arg0, %arg0 eps 5.000000e-01 : tensor<?x64xf32> -> tensor<64xf32>
  %9 = llm.layer_norm_weight_adjoint %x, %x eps 0.5 : tensor<?x64xf32> -> tensor<64xf32>
  // CHECK: llm.sum_rows %arg0 : tensor<?x64xf32> -> tensor<64xf32>
  %10 = llm.sum_rows %x : tensor<?x64xf32> -> tensor<64xf32>
  // CHECK: llm.sum_rows %arg0 over %arg1 : tensor<64xf32> : tensor<?x64xf32> -> tensor<64xf32>
  %14 = llm.sum_rows %x over %n : tensor<64xf32> : tensor<?x64xf32> -> tensor<64xf32>
  // CHECK: llm.scale_columns %arg0 by %arg1 over %arg1 plus %arg1 : tensor<64xf32> : tensor<?x64xf32>, tensor<64xf32>
  %15 = llm.scale_columns %x by %n over %n plus %n : tensor<64xf32> : tensor<?x64xf32>, tensor<64xf32>
  // CHECK: llm.gelu_adjoint %arg0, %arg0 : tensor<?x64xf32>
  %11 = llm.gelu_adjoint %x, %x : tensor<?x64xf32>
  // CHECK: llm.geglu_adjoint %arg0, %arg0, %arg0 : tensor<?x64xf32>
  %12, %13 = llm.geglu_adjoint %x, %x, %x : tensor<?x64xf32>
  // CHECK: llm.rope_adjoint %arg0, %arg2 head_dim 16 : tensor<?x64xf32>, tensor<?x16xf32>
  %1 = llm.rope_adjoint %x, %table head_dim 16 : tensor<?x64xf32>, tensor<?x16xf32>
  // CHECK: llm.silu_adjoint %arg0, %arg0 : tensor<?x64xf32>
  %2 = llm.silu_adjoint %x, %x : tensor<?x64xf32>
  // CHECK: llm.swiglu_adjoint %arg0, %arg0, %arg0 : tensor<?x64xf32>
  %3, %4 = llm.swiglu_adjoint %x, %x, %x : tensor<?x64xf32>
  // CHECK: llm.rope_table %arg3 {base = 1.000000e+04 : f32, sequence = 12 : i64} : tensor<?x16xf32>
  %5 = llm.rope_table %start {base = 1.0e+04 : f32, sequence = 12 : i64} : tensor<?x16xf32>
  // CHECK: llm.embed_adjoint %arg0, %arg4 : tensor<?x64xf32>, tensor<?xi32> -> tensor<99x64xf32>
  %6 = llm.embed_adjoint %x, %tokens : tensor<?x64xf32>, tensor<?xi32> -> tensor<99x64xf32>
  return
}

// CHECK-LABEL: func.func @dropout
// FOLD-LABEL: func.func @dropout
func.func @dropout(%x: tensor<?x64xf32>, %seed: index, %layer: index) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  // CHECK: llm.dropout %arg0 seed %arg1 layer %arg2 site 3 rate 5.000000e-02 : tensor<?x64xf32>
  // FOLD: %[[Y:.*]] = llm.dropout
  %0 = llm.dropout %x seed %seed layer %layer site 3 rate 5.0e-02 : tensor<?x64xf32>
  %1 = llm.dropout %x seed %seed layer %layer site 3 rate 0.0 : tensor<?x64xf32>
  // FOLD: return %[[Y]], %arg0
  return %0, %1 : tensor<?x64xf32>, tensor<?x64xf32>
}

// CHECK-LABEL: func.func @noise
// FOLD-LABEL: func.func @noise
func.func @noise(%x: tensor<?x64xf32>, %seed: index) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  // CHECK: llm.noise %arg0 seed %arg1 site 3 amplitude 5.000000e-02 : tensor<?x64xf32>
  // FOLD: %[[Y:.*]] = llm.noise
  %0 = llm.noise %x seed %seed site 3 amplitude 5.0e-02 : tensor<?x64xf32>
  %1 = llm.noise %x seed %seed site 3 amplitude 0.0 : tensor<?x64xf32>
  // FOLD: return %[[Y]], %arg0
  return %0, %1 : tensor<?x64xf32>, tensor<?x64xf32>
}

// CHECK-LABEL: func.func @attention
func.func @attention(%q: tensor<?x64xf32>, %k: tensor<?x32xf32>, %v: tensor<?x24xf32>, %dy: tensor<?x48xf32>) {
  // CHECK: %[[Y:.*]], %[[L:.*]] = llm.causal_attention %arg0, %arg1, %arg2 heads 4 kv_heads 2 sequence 7 scale 2.500000e-01
  // CHECK-SAME: {window = 3 : i64} : (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x24xf32>) -> (tensor<?x48xf32>, tensor<?x4xf32>)
  %y, %l = llm.causal_attention %q, %k, %v heads 4 kv_heads 2 sequence 7 scale 0.25 {window = 3 : i64}
      : (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x24xf32>) -> (tensor<?x48xf32>, tensor<?x4xf32>)
  // CHECK: llm.causal_attention_adjoint %arg3, %arg0, %arg1, %arg2, %[[Y]], %[[L]] heads 4 kv_heads 2 sequence 7 scale 2.500000e-01
  %dq, %dk, %dv = llm.causal_attention_adjoint %dy, %q, %k, %v, %y, %l heads 4 kv_heads 2 sequence 7 scale 0.25
      : (tensor<?x48xf32>, tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x24xf32>, tensor<?x48xf32>, tensor<?x4xf32>)
      -> (tensor<?x64xf32>, tensor<?x32xf32>, tensor<?x24xf32>)
  return
}

// CHECK-LABEL: func.func @loss
func.func @loss(%x: tensor<?x64xf32>, %w: !w, %t: tensor<?xi32>, %u: tensor<?x8xf32>, %b: tensor<128x8xf32>,
                %d: tensor<?x1xf32>) {
  // CHECK: llm.linear_cross_entropy %arg0, %arg1, %arg2 : (
  %0, %1 = llm.linear_cross_entropy %x, %w, %t
      : (tensor<?x64xf32>, !w, tensor<?xi32>) -> (tensor<?x1xf32>, tensor<?x1xf32>)
  // CHECK: llm.linear_cross_entropy %arg0, %arg1, %arg2 adapter(%arg3, %arg4) : (
  %2, %3 = llm.linear_cross_entropy %x, %w, %t adapter(%u, %b)
      : (tensor<?x64xf32>, !w, tensor<?xi32>, tensor<?x8xf32>, tensor<128x8xf32>)
      -> (tensor<?x1xf32>, tensor<?x1xf32>)
  // CHECK: llm.linear_cross_entropy_adjoint %arg5, %arg0, %arg1, %arg2, %{{.*}} : (
  %4 = llm.linear_cross_entropy_adjoint %d, %x, %w, %t, %1
      : (tensor<?x1xf32>, tensor<?x64xf32>, !w, tensor<?xi32>, tensor<?x1xf32>) -> tensor<?x64xf32>
  // CHECK: llm.linear_cross_entropy_adjoint %arg5, %arg0, %arg1, %arg2, %{{.*}} adapter(%arg3, %arg4) : (
  %5, %6, %7 = llm.linear_cross_entropy_adjoint %d, %x, %w, %t, %3 adapter(%u, %b)
      : (tensor<?x1xf32>, tensor<?x64xf32>, !w, tensor<?xi32>, tensor<?x1xf32>, tensor<?x8xf32>, tensor<128x8xf32>)
      -> (tensor<?x64xf32>, tensor<?x8xf32>, tensor<128x8xf32>)
  return
}

// Two blocks, of which the second saves more.
llm.weight @n : tensor<64xf32> from "blk.{layer}.n" layers [0, 2]
llm.weight @m : tensor<64xf32> from "blk.{layer}.m" layers [1]
func.func private @a.forward(tensor<?x64xf32>, index, tensor<64xf32>, tensor<8x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>)
func.func private @b.forward(tensor<?x64xf32>, index, tensor<64xf32>) -> (tensor<?x64xf32>, tensor<?x8xf32>, tensor<?x9xf32>)
func.func private @a.adjoint(tensor<?x64xf32>, index, tensor<?x64xf32>, tensor<64xf32>, tensor<8x64xf32>) -> tensor<?x64xf32>
func.func private @b.adjoint(tensor<?x64xf32>, index, tensor<?x8xf32>, tensor<?x9xf32>, tensor<64xf32>) -> tensor<?x64xf32>
// CHECK-LABEL: func.func @layers
func.func @layers(%h: tensor<?x64xf32>) {
  // CHECK: llm.layers %arg0 {blocks = [@a.forward, @b.forward], schedule = array<i32: 0, 1, 0>, weights = {{\[}}[@n, @family], [@m]]}
  // CHECK-SAME: -> (tensor<?x64xf32>, tensor<2x?x64xf32>, tensor<1x?x8xf32>, tensor<1x?x9xf32>)
  %y, %s:3 = llm.layers %h {blocks = [@a.forward, @b.forward], weights = [[@n, @family], [@m]], schedule = array<i32: 0, 1, 0>}
      : (tensor<?x64xf32>) -> (tensor<?x64xf32>, tensor<2x?x64xf32>, tensor<1x?x8xf32>, tensor<1x?x9xf32>)
  // CHECK: llm.layers_adjoint %{{.*}} saved(%{{.*}}, %{{.*}}, %{{.*}}) {blocks = [@a.adjoint, @b.adjoint], first = 1 : i64
  %d = llm.layers_adjoint %y saved(%s#0, %s#1, %s#2)
      {blocks = [@a.adjoint, @b.adjoint], weights = [[@n, @family], [@m]], schedule = array<i32: 0, 1, 0>, first = 1 : i64}
      : (tensor<?x64xf32>, tensor<2x?x64xf32>, tensor<1x?x8xf32>, tensor<1x?x9xf32>) -> tensor<?x64xf32>
  return
}
