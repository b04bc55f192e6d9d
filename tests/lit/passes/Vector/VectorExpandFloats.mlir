// RUN: llmc-opt --split-input-file --verify-diagnostics --verify-roundtrip --vector-expand-floats %s | FileCheck %s

module attributes {kernel.target = #kernel.target<dot = plain, tiles = [1], max_rows = 4>} {
  // CHECK-LABEL: @fma
  // CHECK:      %[[P:.*]] = arith.mulf %arg0, %arg1 : vector<16xf32>
  // CHECK-NEXT: %[[S:.*]] = arith.addf %[[P]], %arg2 : vector<16xf32>
  // CHECK-NEXT: return %[[S]]
  func.func @fma(%a: vector<16xf32>, %b: vector<16xf32>, %c: vector<16xf32>) -> vector<16xf32> {
    %z = llvm.intr.fma(%a, %b, %c) : (vector<16xf32>, vector<16xf32>, vector<16xf32>) -> vector<16xf32>
    return %z : vector<16xf32>
  }

  // CHECK-LABEL: @to_float
  // CHECK-NOT: arith.extf
  // CHECK: arith.extui %{{.*}} : vector<16xi16> to vector<16xi32>
  // CHECK: arith.mulf %{{.*}} : vector<16xf32>
  func.func @to_float(%h: vector<16xf16>) -> vector<16xf32> {
    %x = arith.extf %h : vector<16xf16> to vector<16xf32>
    return %x : vector<16xf32>
  }

  // CHECK-LABEL: @to_half
  // CHECK-NOT: arith.truncf
  // CHECK: arith.trunci %{{.*}} : i32 to i16
  func.func @to_half(%x: f32) -> f16 {
    %h = arith.truncf %x : f32 to f16
    return %h : f16
  }

  // Other formats are integer arithmetic already.
  // CHECK-LABEL: @to_brain
  // CHECK: arith.truncf %{{.*}} : f32 to bf16
  func.func @to_brain(%x: f32) -> bf16 {
    %h = arith.truncf %x : f32 to bf16
    return %h : bf16
  }
}

// -----
// A CPU that has the instructions keeps them.
module attributes {kernel.target = #kernel.target<dot = avx2, tiles = [1, 2], max_rows = 4>} {
  // CHECK-LABEL: @kept
  // CHECK: llvm.intr.fma
  // CHECK: arith.truncf
  // CHECK: arith.extf
  func.func @kept(%a: f32) -> f32 {
    %z = llvm.intr.fma(%a, %a, %a) : (f32, f32, f32) -> f32
    %h = arith.truncf %z : f32 to f16
    %y = arith.extf %h : f16 to f32
    return %y : f32
  }
}

// -----
// expected-error @+1 {{needs the attribute kernel.target}}
module {
}
