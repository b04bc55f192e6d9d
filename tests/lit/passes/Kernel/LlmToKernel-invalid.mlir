// RUN: llmc-opt %s --llm-to-kernel --split-input-file --verify-diagnostics

// expected-error @+1 {{needs the attribute kernel.target, which says what code to generate}}
module {
  func.func @f(%x: tensor<?x64xf32>) {
    return
  }
}

// -----

module attributes {kernel.target = #kernel.target<dot = vnni512, tiles = [1], max_rows = 8>} {
  func.func @no_counterpart(%x: index) -> index {
    // expected-error @+1 {{has no counterpart in the kernel dialect}}
    %0 = arith.addi %x, %x : index
    return %0 : index
  }
}

// -----

module attributes {kernel.target = #kernel.target<dot = vnni512, tiles = [1], max_rows = 8>} {
  llm.weight @w : tensor<64x64xf16> from "w"
  func.func @no_layout(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
    %w = llm.get_weight @w : tensor<64x64xf16>
    // expected-error @+1 {{needs a packed weight matrix, not 'tensor<64x64xf16>'}}
    %0 = llm.linear %x, %w : tensor<?x64xf32>, tensor<64x64xf16> -> tensor<?x64xf32>
    return %0 : tensor<?x64xf32>
  }
}
