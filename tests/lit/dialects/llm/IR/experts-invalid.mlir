// RUN: llmc-opt %s --split-input-file --verify-diagnostics

func.func @route(%l: tensor<?x2xf32>) {
  // expected-error @+1 {{cannot choose 3 of 2 experts}}
  %i, %w = llm.route %l : tensor<?x2xf32> -> tensor<?x3xi32>, tensor<?x3xf32>
  return
}

// -----
func.func @route(%l: tensor<?x4xf32>) {
  // expected-error @+1 {{weights has 3 columns, expected 2}}
  %i, %w = llm.route %l : tensor<?x4xf32> -> tensor<?x2xi32>, tensor<?x3xf32>
  return
}

// -----
func.func @linear(%x: tensor<?x64xf32>, %i: tensor<?x2xi32>, %w: tensor<8x40x64xf16>) {
  // expected-error @+1 {{matrices of experts have a multiple of 16 rows, not 40}}
  %y = llm.expert_linear %x, %i, %w
      : tensor<?x64xf32>, tensor<?x2xi32>, tensor<8x40x64xf16> -> tensor<?x80xf32>
  return
}

// -----
func.func @linear(%x: tensor<?x64xf32>, %i: tensor<?x3xi32>, %w: tensor<2x16x64xf16>) {
  // expected-error @+1 {{a token cannot have 3 of 2 experts}}
  %y = llm.expert_linear %x, %i, %w
      : tensor<?x64xf32>, tensor<?x3xi32>, tensor<2x16x64xf16> -> tensor<?x48xf32>
  return
}

// -----
func.func @linear(%x: tensor<?x96xf32>, %i: tensor<?x2xi32>, %w: tensor<8x16x32xf16>) {
  // expected-error @+1 {{input has 96 columns, expected 64}}
  %y = llm.expert_linear %x, %i, %w
      : tensor<?x96xf32>, tensor<?x2xi32>, tensor<8x16x32xf16> -> tensor<?x32xf32>
  return
}

// -----
func.func @linear(%x: tensor<?x40xf32>, %i: tensor<?x2xi32>, %w: tensor<8x16x40x!llm.block<q4_0>>) {
  // expected-error @+1 {{rows of 40 weights are no multiple of the 32 weights in a block of q4_0}}
  %y = llm.expert_linear %x, %i, %w
      : tensor<?x40xf32>, tensor<?x2xi32>, tensor<8x16x40x!llm.block<q4_0>> -> tensor<?x32xf32>
  return
}

// -----
func.func @swiglu(%x: tensor<?x64xf32>, %i: tensor<?x2xi32>, %g: tensor<8x32x64xf16>,
                  %u: tensor<8x16x64xf16>) {
  // expected-error @+1 {{gate and up must have the same shape}}
  %y = llm.expert_swiglu %x, %i, %g, %u
      : tensor<?x64xf32>, tensor<?x2xi32>, tensor<8x32x64xf16>, tensor<8x16x64xf16> -> tensor<?x64xf32>
  return
}

// -----
func.func @sum(%x: tensor<?x100xf32>, %w: tensor<?x2xf32>) {
  // expected-error @+1 {{input has 100 columns, expected 128}}
  %y = llm.expert_sum %x, %w : tensor<?x100xf32>, tensor<?x2xf32> -> tensor<?x64xf32>
  return
}

// -----
func.func @sum(%x: tensor<?x128xf32>, %w: tensor<?x2xf32>, %h: tensor<?x32xf32>) {
  // expected-error @+1 {{the residual must have the result's type}}
  %y = llm.expert_sum %x, %w residual %h
      : tensor<?x128xf32>, tensor<?x2xf32>, tensor<?x32xf32> -> tensor<?x64xf32>
  return
}

// -----
func.func @squares(%x: tensor<?x64xf32>, %i: tensor<?x2xi32>, %s: !llm.column_sums<layers = 12, columns = 65>,
                   %layer: index) {
  // expected-error @+1 {{needs sums of columns and a count, for each of 8 experts of each layer}}
  llm.expert_sum_squares %x, %i into %s[%layer] {experts = 8 : i64}
      : tensor<?x64xf32>, tensor<?x2xi32>, !llm.column_sums<layers = 12, columns = 65>
  return
}

// -----
// Sums of experts have a column more.
llm.weight @w : tensor<8x16x64xf16> from "blk.{layer}.w" layers [0, 1]
// expected-error @+1 {{no matrix of 64 columns}}
llm.state @s : !llm.column_sums<layers = 16, columns = 64> of [@w]

// -----
llm.weight @w : tensor<8x16x64xf16> from "blk.{layer}.w" layers [0, 2]
// expected-error @+1 {{has a layer 2, there are sums for 2}}
llm.state @s : !llm.column_sums<layers = 16, columns = 65> of [@w]
