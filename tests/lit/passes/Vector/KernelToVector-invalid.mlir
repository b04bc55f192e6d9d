// RUN: llmc-opt %s --kernel-to-vector --split-input-file --verify-diagnostics

// expected-error @+1 {{needs the attribute kernel.target}}
module {
  func.func @f() {
    return
  }
}

// -----

module attributes {kernel.target = #kernel.target<dot = plain, tiles = [1], max_rows = 8>} {
  func.func @no_place(%x: !kernel.buffer<16 x f32>) {
    // expected-error @+1 {{has no place in the arena; run kernel-plan-memory first}}
    %a = kernel.alloc at -1 : !kernel.buffer<16 x f32>
    kernel.map silu %a into %x : !kernel.buffer<16 x f32>, !kernel.buffer<16 x f32>
    return
  }
}

// -----

module attributes {kernel.target = #kernel.target<dot = plain, tiles = [1], max_rows = 8>} {
  func.func @number() {
    // expected-error @+1 {{only index constants are known here}}
    %0 = arith.constant 1 : i32
    return
  }
}

// -----

module attributes {kernel.target = #kernel.target<dot = plain, tiles = [1], max_rows = 8>} {
  func.func @other_level(%x: tensor<?x16xf32>) {
    // expected-error @+1 {{cannot become vector code}}
    %0 = llm.silu %x : tensor<?x16xf32>
    return
  }
}
