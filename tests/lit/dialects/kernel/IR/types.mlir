// RUN: llmc-opt %s --verify-roundtrip | llmc-opt | FileCheck %s
// RUN: llmc-opt %s --mlir-print-op-generic | llmc-opt | FileCheck %s

// CHECK: module attributes {kernel.target = #kernel.target<dot = vnni512, tiles = [1, 2, 4, 8, 12], max_rows = 512>}
module attributes {kernel.target = #kernel.target<dot = vnni512, tiles = [1, 2, 4, 8, 12], max_rows = 512>} {
  // CHECK: attributes {a = #kernel.target<dot = vnni256, tiles = [1], max_rows = 1>, b = #kernel.target<dot = avx2, tiles = [1, 5, 9], max_rows = 1>, c = #kernel.target<dot = plain, tiles = [1, 2], max_rows = 7, memory = <far = 8192, near = 64, panels = 65536>>}
  func.func private @targets() attributes {
    a = #kernel.target<dot = vnni256, tiles = [1], max_rows = 1>,
    b = #kernel.target<dot = avx2, tiles = [1, 5, 9], max_rows = 1>,
    c = #kernel.target<dot = plain, tiles = [1, 2], max_rows = 7, memory = <far = 8192, near = 64, panels = 65536>>}
  // CHECK: attributes {a = #kernel.epilogue<store>, b = #kernel.epilogue<add>, c = #kernel.epilogue<swiglu>}
  func.func private @epilogues() attributes {
    a = #kernel.epilogue<store>, b = #kernel.epilogue<add>, c = #kernel.epilogue<swiglu>}
  // CHECK: func.func private @buffers(!kernel.buffer<2048 x f32>, !kernel.buffer<1 x i32>)
  func.func private @buffers(!kernel.buffer<2048 x f32>, !kernel.buffer<1 x i32>)
  // CHECK-LABEL: func.func private @packed
  // CHECK-SAME: !kernel.packed<64 x i8, tiles = [1, 2, 4], corrections = [8, 32, 16, 32], sums = [32]>
  // CHECK-SAME: !kernel.packed<64 x i8, tiles = [1], corrections = [], sums = []>
  // CHECK-SAME: !kernel.packed<7 x f32, tiles = [1], corrections = [], sums = []>
  func.func private @packed(
    !kernel.packed<64 x i8, tiles = [1, 2, 4], corrections = [8, 32, 16, 32], sums = [32]>,
    !kernel.packed<64 x i8, tiles = [1], corrections = [], sums = []>,
    !kernel.packed<7 x f32, tiles = [1], corrections = [], sums = []>)
  // CHECK: func.func private @parts(!kernel.parts<heads = 4, queries = 8, value = 64>)
  func.func private @parts(!kernel.parts<heads = 4, queries = 8, value = 64>)
}
