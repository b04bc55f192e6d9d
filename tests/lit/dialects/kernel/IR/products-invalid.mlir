// RUN: llmc-opt %s --split-input-file --verify-diagnostics

!w = tensor<48x64xf16, #llm.packed<rows = 16>>
func.func @form(%f: !kernel.factor<64, pairs>, %w: !w, %y: !kernel.buffer<48 x f32>) {
  // expected-error @+1 {{takes a factor of rows, and one of pairs when transposed}}
  kernel.product %f, %w, %y : !kernel.factor<64, pairs>, !w, !kernel.buffer<48 x f32>
  return
}

// -----
!w = tensor<48x64xf16, #llm.packed<rows = 16>>
func.func @columns(%f: !kernel.factor<32, rows>, %w: !w, %y: !kernel.buffer<48 x f32>) {
  // expected-error @+1 {{a factor of 32 columns does not cover the units}}
  kernel.product %f, %w, %y : !kernel.factor<32, rows>, !w, !kernel.buffer<48 x f32>
  return
}

// -----
!w = tensor<48x64xf16, #llm.packed<rows = 16>>
func.func @rows(%x: !kernel.buffer<64 x f32>, %w: !w, %y: !kernel.buffer<48 x f32>) {
  // expected-error @+1 {{first_row is a multiple of 16 with 48 rows behind it}}
  kernel.product %x, %w, %y {first_row = 16 : i64} : !kernel.buffer<64 x f32>, !w, !kernel.buffer<48 x f32>
  return
}

// -----
func.func @unpacked(%x: !kernel.buffer<64 x f32>, %w: tensor<48x64xf16>, %y: !kernel.buffer<48 x f32>) {
  // expected-error @+1 {{needs a packed weight matrix}}
  kernel.product %x, %w, %y : !kernel.buffer<64 x f32>, tensor<48x64xf16>, !kernel.buffer<48 x f32>
  return
}

// -----
func.func @dots(%x: !kernel.buffer<64 x f32>, %a: !kernel.parameter<4 x 48>, %u: !kernel.buffer<4 x f32>) {
  // expected-error @+1 {{rows of 4 and 64 from column 0 on do not fit}}
  kernel.dots %x, %a, %u {scale = 1.0 : f32} : !kernel.buffer<64 x f32>, !kernel.parameter<4 x 48>, !kernel.buffer<4 x f32>
  return
}

// -----
// expected-error @+1 {{a parameter has rows, and is not higher than wide}}
func.func private @parameter(!kernel.parameter<64 x 4>)

// -----
// expected-error @+1 {{a factor has whole tiles of 32 columns, not 48}}
func.func private @factor(!kernel.factor<48, rows>)

// -----
// expected-error @+1 {{layers and width must be positive}}
func.func private @saved(!kernel.saved<0 x 64>)
