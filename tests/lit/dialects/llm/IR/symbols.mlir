// RUN: llmc-opt %s --verify-roundtrip | llmc-opt | FileCheck %s
// RUN: llmc-opt %s --mlir-print-op-generic | llmc-opt | FileCheck %s

// CHECK: llm.weight @token_embd : tensor<32000x2048x!llm.block<q4_0>> from "token_embd.weight"
llm.weight @token_embd : tensor<32000x2048x!llm.block<q4_0>> from "token_embd.weight"
// CHECK: llm.weight @norm : tensor<64xf32> from "output_norm.weight" {tied}
llm.weight @norm : tensor<64xf32> from "output_norm.weight" {tied}
// CHECK: llm.weight @blk.n : tensor<64xf32> from "blk.{layer}.n" layers [0, 2]
llm.weight @blk.n : tensor<64xf32> from "blk.{layer}.n" layers [0, 2]
// CHECK: llm.weight @blk.m : tensor<64xf32> from "blk.{layer}.m" layers [1]
llm.weight @blk.m : tensor<64xf32> from "blk.{layer}.m" layers [1]
// CHECK: llm.weight @blk.k : tensor<64x32xf16> from "blk.{layer}.qkv" row 128 layers [0, 1]
llm.weight @blk.k : tensor<64x32xf16> from "blk.{layer}.qkv" row 128 layers [0, 1]
// CHECK: llm.weight @q : tensor<64xf32> from "qkv.bias" row 0
llm.weight @q : tensor<64xf32> from "qkv.bias" row 0
// CHECK: llm.state @kv : !llm.kv_cache<layers = 3, heads = 8, key = 128 x f16, value = 64 x f16>
llm.state @kv : !llm.kv_cache<layers = 3, heads = 8, key = 128 x f16, value = 64 x f16>

// CHECK-LABEL: func.func @gets
func.func @gets() {
  // CHECK: llm.get_weight @norm : tensor<64xf32>
  %w = llm.get_weight @norm : tensor<64xf32>
  // CHECK: llm.get_state @kv : !llm.kv_cache<layers = 3, heads = 8, key = 128 x f16, value = 64 x f16>
  %s = llm.get_state @kv : !llm.kv_cache<layers = 3, heads = 8, key = 128 x f16, value = 64 x f16>
  return
}

func.func private @even(tensor<?x64xf32>, index, index, tensor<64xf32>) -> tensor<?x64xf32>
func.func private @odd(tensor<?x64xf32>, index, index, tensor<64xf32>) -> tensor<?x64xf32>
func.func private @bare(tensor<?x64xf32>, index) -> tensor<?x64xf32>

// CHECK-LABEL: func.func @layers
func.func @layers(%h: tensor<?x64xf32>, %start: index) -> tensor<?x64xf32> {
  // CHECK: llm.layers %{{.*}} shared(%{{.*}}) {blocks = [@even, @odd], schedule = array<i32: 0, 1, 0>,
  // CHECK-SAME: weights = {{\[\[}}@blk.n], [@blk.m]]} : (tensor<?x64xf32>, index) -> tensor<?x64xf32>
  %y = llm.layers %h shared(%start) {
    blocks = [@even, @odd], weights = [[@blk.n], [@blk.m]], schedule = array<i32: 0, 1, 0>
  } : (tensor<?x64xf32>, index) -> tensor<?x64xf32>
  // CHECK: llm.layers %{{.*}} {blocks = [@bare], schedule = array<i32: 0, 0>, weights = {{\[\[\]\]}}}
  %z = llm.layers %y {blocks = [@bare], weights = [[]], schedule = array<i32: 0, 0>}
      : (tensor<?x64xf32>) -> tensor<?x64xf32>
  return %z : tensor<?x64xf32>
}
