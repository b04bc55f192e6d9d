// RUN: llmc-opt %s --split-input-file --verify-diagnostics

llm.weight @n : tensor<64xf32> from "blk.{layer}.n" layers [0, 1]
func.func private @b(tensor<?x64xf32>, index, tensor<64xf32>) -> tensor<?x64xf32>
func.func @f(%h: tensor<?x64xf32>) {
  // expected-error @+1 {{blocks keep the hidden state's type}}
  %y = llm.layers %h {blocks = [@b], weights = [[@n]], schedule = array<i32: 0, 0>}
      : (tensor<?x64xf32>) -> tensor<?x32xf32>
  return
}

// -----
llm.weight @n : tensor<64xf32> from "blk.{layer}.n" layers [0, 1]
func.func private @b(tensor<?x64xf32>, index, tensor<64xf32>) -> tensor<?x64xf32>
func.func @f(%h: tensor<?x64xf32>) {
  // expected-error @+1 {{needs one list of weights per block}}
  %y = llm.layers %h {blocks = [@b], weights = [], schedule = array<i32: 0, 0>}
      : (tensor<?x64xf32>) -> tensor<?x64xf32>
  return
}

// -----
llm.weight @n : tensor<64xf32> from "blk.{layer}.n" layers [0, 1]
func.func private @b(tensor<?x64xf32>, index, tensor<64xf32>) -> tensor<?x64xf32>
func.func @f(%h: tensor<?x64xf32>) {
  // expected-error @+1 {{schedule names block 1 of 1}}
  %y = llm.layers %h {blocks = [@b], weights = [[@n]], schedule = array<i32: 0, 1>}
      : (tensor<?x64xf32>) -> tensor<?x64xf32>
  return
}

// -----
llm.weight @n : tensor<64xf32> from "blk.{layer}.n" layers [0, 1]
func.func private @b(tensor<?x64xf32>, index, tensor<64xf32>) -> tensor<?x64xf32>
func.func @f(%h: tensor<?x64xf32>) {
  // expected-error @+1 {{schedule names block -1 of 1}}
  %y = llm.layers %h {blocks = [@b], weights = [[@n]], schedule = array<i32: -1, 0>}
      : (tensor<?x64xf32>) -> tensor<?x64xf32>
  return
}

// -----
llm.weight @n : tensor<64xf32> from "n"
func.func private @b(tensor<?x64xf32>, index, tensor<64xf32>) -> tensor<?x64xf32>
func.func @f(%h: tensor<?x64xf32>) {
  // expected-error @+1 {{weight @n must be a family of 2 tensors, one per layer of block @b}}
  %y = llm.layers %h {blocks = [@b], weights = [[@n]], schedule = array<i32: 0, 0>}
      : (tensor<?x64xf32>) -> tensor<?x64xf32>
  return
}

// -----
llm.weight @n : tensor<64xf32> from "blk.{layer}.n" layers [0, 1]
func.func private @b(tensor<?x64xf32>, index, tensor<64xf32>) -> tensor<?x64xf32>
func.func @f(%h: tensor<?x64xf32>) {
  // expected-error @+1 {{weight @n must be a family of 3 tensors, one per layer of block @b}}
  %y = llm.layers %h {blocks = [@b], weights = [[@n]], schedule = array<i32: 0, 0, 0>}
      : (tensor<?x64xf32>) -> tensor<?x64xf32>
  return
}
