// RUN: llmc-opt %s --split-input-file --llm-verify-phase=phase=import --verify-diagnostics

// Code in loops and branches is looked at as well.

func.func @loops(%c: i1) {
  // expected-error @+1 {{'scf.yield' op must not be left after phase 'import'}}
  scf.if %c {
  }
  return
}

// -----

func.func @kernels(%x: !kernel.buffer<64 x f32>) {
  // expected-error @+1 {{'kernel.map' op must not be left after phase 'import'}}
  kernel.map silu %x into %x : !kernel.buffer<64 x f32>, !kernel.buffer<64 x f32>
  return
}
