// RUN: llmc-opt %s --split-input-file --verify-diagnostics

!b = !kernel.buffer<64 x f32>
!out = !kernel.buffer<64 x f32>
func.func @map(%a: !b, %out: !out) {
  // expected-error @+1 {{copy takes one input}}
  kernel.map copy %a, %a into %out : !b, !b, !out
  return
}

// -----
!b = !kernel.buffer<64 x f32>
!out = !kernel.buffer<64 x f32>
func.func @map(%a: !b, %out: !out) {
  // expected-error @+1 {{silu takes one input}}
  kernel.map silu %a, %a into %out : !b, !b, !out
  return
}

// -----
!b = !kernel.buffer<64 x f32>
!out = !kernel.buffer<64 x f32>
func.func @map(%a: !b, %out: !out) {
  // expected-error @+1 {{add takes two inputs}}
  kernel.map add %a into %out : !b, !out
  return
}

// -----
!b = !kernel.buffer<64 x f32>
!out = !kernel.buffer<64 x f32>
func.func @map(%a: !b, %out: !out) {
  // expected-error @+1 {{mul takes two inputs}}
  kernel.map mul %a into %out : !b, !out
  return
}

// -----
!b = !kernel.buffer<64 x f32>
!out = !kernel.buffer<64 x f32>
func.func @map(%a: !b, %out: !out) {
  // expected-error @+1 {{swiglu takes two inputs}}
  kernel.map swiglu %a, %a, %a into %out : !b, !b, !b, !out
  return
}

// -----
!b = !kernel.buffer<64 x f32>
!out = !kernel.buffer<32 x f32>
func.func @map(%a: !b, %out: !out) {
  // expected-error @+1 {{inputs and output must have the same type}}
  kernel.map add %a, %a into %out : !b, !b, !out
  return
}

// -----
!b = !kernel.buffer<64 x f32>
func.func @map(%a: !b) {
  // expected-error @+1 {{scale takes a constant}}
  kernel.map scale %a into %a : !b, !b
  return
}

// -----
!b = !kernel.buffer<64 x f32>
func.func @map(%a: !b) {
  // expected-error @+1 {{gelu takes no constant}}
  kernel.map gelu %a into %a {constant = 1.0 : f32} : !b, !b
  return
}
