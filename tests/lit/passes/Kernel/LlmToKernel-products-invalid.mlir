// RUN: %opt %s --split-input-file --verify-diagnostics --llm-to-kernel

module attributes {kernel.target = #kernel.target<dot = amx, tiles = [1, 8, 16], max_rows = 32>} {
llm.parameter @a : tensor<4x64xf32> from "a"
func.func @no_weight(%x: tensor<?x64xf32>) -> tensor<?x4xf32> {
  %a = llm.get_parameter @a : tensor<4x64xf32>
  // expected-error @+1 {{multiplies with what is no weight}}
  %y = llm.linear %x, %a : tensor<?x64xf32>, tensor<4x64xf32> -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
}

// -----

module attributes {kernel.target = #kernel.target<dot = plain, tiles = [1], max_rows = 32>} {
llm.parameter @a : tensor<4x64xf32> from "a"
func.func @lost_gradient(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %a = llm.get_parameter @a : tensor<4x64xf32>
  // expected-error @+1 {{has no counterpart in the kernel dialect for this value}}
  llm.accumulate_gradient %a into @a : tensor<4x64xf32>
  return %x : tensor<?x64xf32>
}
}

// -----

module attributes {kernel.target = #kernel.target<dot = plain, tiles = [1], max_rows = 32>} {
llm.parameter @a : tensor<4x64xf32> from "a"
func.func @two_uses(%x: tensor<?x64xf32>, %u: tensor<?x4xf32>) -> tensor<?x64xf32> {
  // expected-error @+1 {{unless it is added to one gradient and nothing else}}
  %g = llm.outer %u, %x : tensor<?x4xf32>, tensor<?x64xf32> -> tensor<4x64xf32>
  llm.accumulate_gradient %g into @a : tensor<4x64xf32>
  llm.accumulate_gradient %g into @a : tensor<4x64xf32>
  return %x : tensor<?x64xf32>
}
}

// -----

module attributes {kernel.target = #kernel.target<dot = plain, tiles = [1], max_rows = 32>} {
llm.parameter @w : tensor<64x64xf32, #llm.packed<rows = 16>> from "w"
func.func @scaled(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  // expected-error @+1 {{has no counterpart in the kernel dialect with a scale, for a weight}}
  %g = llm.outer %x, %x scale 2.0 : tensor<?x64xf32>, tensor<?x64xf32> -> tensor<64x64xf32, #llm.packed<rows = 16>>
  llm.accumulate_gradient %g into @w : tensor<64x64xf32, #llm.packed<rows = 16>>
  return %x : tensor<?x64xf32>
}
}
