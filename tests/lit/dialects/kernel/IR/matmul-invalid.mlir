// RUN: llmc-opt %s --split-input-file --verify-diagnostics

!x = !kernel.packed<64 x i8, tiles = [1], corrections = [8, 32], sums = []>
!w = tensor<64x64x!llm.block<q4_0>>
!b = !kernel.buffer<64 x f32>
func.func @matmul(%x: !x, %w: !w, %out: !b) {
  // expected-error @+1 {{needs a packed weight matrix, not 'tensor<64x64x!llm.block<q4_0>>'}}
  kernel.matmul %x, %w, %out : !x, !w, !b
  return
}

// -----
!x = !kernel.packed<64 x i8, tiles = [1], corrections = [8, 32], sums = []>
!w = tensor<64xf32, #llm.packed<rows = 16>>
!b = !kernel.buffer<64 x f32>
func.func @matmul(%x: !x, %w: !w, %out: !b) {
  // expected-error @+1 {{needs a packed weight matrix, not 'tensor<64xf32, #llm.packed<rows = 16>>'}}
  kernel.matmul %x, %w, %out : !x, !w, !b
  return
}

// -----
!x = !kernel.packed<64 x f32, tiles = [1], corrections = [], sums = []>
!w = tensor<64x64x!llm.block<q4_0>, #llm.packed<rows = 16>>
!b = !kernel.buffer<64 x f32>
func.func @matmul(%x: !x, %w: !w, %out: !b) {
  // expected-error @+1 {{weights of q4_0 take i8 activations}}
  kernel.matmul %x, %w, %out : !x, !w, !b
  return
}

// -----
!x = !kernel.packed<64 x i8, tiles = [1], corrections = [8, 32], sums = []>
!w = tensor<64x64xf16, #llm.packed<rows = 16>>
!b = !kernel.buffer<64 x f32>
func.func @matmul(%x: !x, %w: !w, %out: !b) {
  // expected-error @+1 {{weights of f16 take f32 activations}}
  kernel.matmul %x, %w, %out : !x, !w, !b
  return
}

// -----
!x = !kernel.packed<32 x i8, tiles = [1], corrections = [8, 32], sums = []>
!w = tensor<64x64x!llm.block<q4_0>, #llm.packed<rows = 16>>
!b = !kernel.buffer<64 x f32>
func.func @matmul(%x: !x, %w: !w, %out: !b) {
  // expected-error @+1 {{activations of 32 columns do not cover the units of}}
  kernel.matmul %x, %w, %out : !x, !w, !b
  return
}

// -----
!x = !kernel.packed<64 x i8, tiles = [1], corrections = [8, 32], sums = []>
!w = tensor<64x64x!llm.block<q4_0>, #llm.packed<rows = 16>>
!b = !kernel.buffer<64 x f32>
func.func @matmul(%x: !x, %w: !w, %out: !b) {
  // expected-error @+1 {{store takes no other buffer}}
  kernel.matmul %x, %w, %out other %out : !x, !w, !b, !b
  return
}

// -----
!x = !kernel.packed<64 x i8, tiles = [1], corrections = [8, 32], sums = []>
!w = tensor<64x64x!llm.block<q4_0>, #llm.packed<rows = 16>>
!b = !kernel.buffer<64 x f32>
func.func @matmul(%x: !x, %w: !w, %out: !b) {
  // expected-error @+1 {{add takes another buffer}}
  kernel.matmul %x, %w, %out {epilogue = #kernel.epilogue<add>} : !x, !w, !b
  return
}

// -----
!x = !kernel.packed<64 x i8, tiles = [1], corrections = [8, 32], sums = []>
!w = tensor<64x64x!llm.block<q4_0>, #llm.packed<rows = 16>>
!b = !kernel.buffer<32 x f32>
func.func @matmul(%x: !x, %w: !w, %out: !b) {
  // expected-error @+1 {{output has 32 columns, expected 64}}
  kernel.matmul %x, %w, %out : !x, !w, !b
  return
}

// -----
!x = !kernel.packed<64 x i8, tiles = [1], corrections = [8, 32], sums = []>
!w = tensor<64x64x!llm.block<q4_0>, #llm.packed<rows = 16>>
!b = !kernel.buffer<64 x f32>
func.func @matmul(%x: !x, %w: !w, %out: !b) {
  // expected-error @+1 {{share must say the bytes before the 2304 of this weight, and those of all}}
  kernel.matmul %x, %w, %out {share = array<i64: 100, 2304>} : !x, !w, !b
  return
}
