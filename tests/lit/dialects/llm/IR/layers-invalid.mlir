// RUN: llmc-opt %s --split-input-file --verify-diagnostics

llm.weight @n : tensor<64xf32> from "blk.{layer}.n" layers [0, 1]
func.func @f(%h: tensor<?x64xf32>) {
  // expected-error @+1 {{no function named @b}}
  %y = llm.layers %h {blocks = [@b], weights = [[@n]], schedule = array<i32: 0, 0>}
      : (tensor<?x64xf32>) -> tensor<?x64xf32>
  return
}

// -----
llm.weight @n : tensor<64xf32> from "blk.{layer}.n" layers [0, 1]
func.func private @b(tensor<?x64xf32>, index, tensor<64xf32>) -> tensor<?x64xf32>
func.func @f(%h: tensor<?x64xf32>) {
  // expected-error @+1 {{no function named @b::@c}}
  %y = llm.layers %h {blocks = [@b::@c], weights = [[@n]], schedule = array<i32: 0, 0>}
      : (tensor<?x64xf32>) -> tensor<?x64xf32>
  return
}

// -----
llm.weight @n : tensor<64xf32> from "blk.{layer}.n" layers [0, 1]
func.func private @b(tensor<?x64xf32>, index, tensor<64xf32>) -> tensor<?x64xf32>
func.func @f(%h: tensor<?x64xf32>) {
  // expected-error @+1 {{weights of block 0 must be a list of symbols}}
  %y = llm.layers %h {blocks = [@b], weights = [@n], schedule = array<i32: 0, 0>}
      : (tensor<?x64xf32>) -> tensor<?x64xf32>
  return
}

// -----
func.func private @b(tensor<?x64xf32>, index, tensor<64xf32>) -> tensor<?x64xf32>
func.func @f(%h: tensor<?x64xf32>) {
  // expected-error @+1 {{no weight named @n}}
  %y = llm.layers %h {blocks = [@b], weights = [[@n]], schedule = array<i32: 0, 0>}
      : (tensor<?x64xf32>) -> tensor<?x64xf32>
  return
}

// -----
llm.weight @n : tensor<64xf32> from "blk.{layer}.n" layers [0, 1]
func.func private @b(tensor<?x64xf32>, index, tensor<64xf32>) -> tensor<?x64xf32>
func.func @f(%h: tensor<?x64xf32>) {
  // expected-error @+1 {{no weight named 5}}
  %y = llm.layers %h {blocks = [@b], weights = [[5]], schedule = array<i32: 0, 0>}
      : (tensor<?x64xf32>) -> tensor<?x64xf32>
  return
}

// -----
llm.weight @n : tensor<64xf32> from "blk.{layer}.n" layers [0, 1]
func.func private @b(tensor<?x64xf32>, tensor<64xf32>, index) -> tensor<?x64xf32>
func.func @f(%h: tensor<?x64xf32>) {
  // expected-error @+1 {{block @b does not take the hidden state, the layer, the shared operands and its weights}}
  %y = llm.layers %h {blocks = [@b], weights = [[@n]], schedule = array<i32: 0, 0>}
      : (tensor<?x64xf32>) -> tensor<?x64xf32>
  return
}

// -----
llm.weight @n : tensor<64xf32> from "blk.{layer}.n" layers [0, 1]
func.func private @b(tensor<?x64xf32>, index, tensor<64xf32>) -> index
func.func @f(%h: tensor<?x64xf32>) {
  // expected-error @+1 {{block @b must yield the hidden state}}
  %y = llm.layers %h {blocks = [@b], weights = [[@n]], schedule = array<i32: 0, 0>}
      : (tensor<?x64xf32>) -> tensor<?x64xf32>
  return
}
