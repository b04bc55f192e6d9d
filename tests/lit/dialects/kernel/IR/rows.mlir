// RUN: llmc-opt %s --verify-roundtrip | llmc-opt | FileCheck %s
// RUN: llmc-opt %s --mlir-print-op-generic | llmc-opt | FileCheck %s

!b = !kernel.buffer<64 x f32>
!t = !kernel.buffer<16 x f32>
!p = !kernel.packed<64 x i8, tiles = [1, 2], corrections = [8, 32], sums = []>

// CHECK-LABEL: func.func @rows
func.func @rows(%tokens: !kernel.buffer<1 x i32>, %e: tensor<100x64xf16>, %x: !b, %y: !b, %t: !t,
                %w: tensor<64xf32>, %f: tensor<8xf32>, %p: !p, %start: index) {
  // CHECK: kernel.embed %arg0, %arg1, %arg2 : !kernel.buffer<1 x i32>, tensor<100x64xf16>, !kernel.buffer<64 x f32>
  kernel.embed %tokens, %e, %x : !kernel.buffer<1 x i32>, tensor<100x64xf16>, !b
  // CHECK: kernel.rope_table %arg8, %arg4 {frequencies = array<f64: 1.000000e+00, 5.000000e-01>, magnitude = 2.000000e+00 : f64} : index, !kernel.buffer<16 x f32>
  kernel.rope_table %start, %t {frequencies = array<f64: 1.0, 0.5>, magnitude = 2.0 : f64} : index, !t
  // CHECK: kernel.rope_table %arg8, %arg4 factors %arg6 {{.*}} : index, !kernel.buffer<16 x f32>, tensor<8xf32>
  kernel.rope_table %start, %t factors %f {frequencies = array<f64: 1.0, 0.5>, magnitude = 2.0 : f64}
      : index, !t, tensor<8xf32>
  // CHECK: kernel.rms_norm %arg2, %arg5, %arg3 {eps = 9.99999974E-6 : f32} : !kernel.buffer<64 x f32>, tensor<64xf32>, !kernel.buffer<64 x f32>
  kernel.rms_norm %x, %w, %y {eps = 1.0e-05 : f32} : !b, tensor<64xf32>, !b
  // CHECK: kernel.pack_rows %arg2, %arg7 : !kernel.buffer<64 x f32>, !kernel.packed<64 x i8, tiles = [1, 2], corrections = [8, 32], sums = []>
  kernel.pack_rows %x, %p : !b, !p
  // CHECK: kernel.pack_rows %arg2, %arg7 norm %arg5 {eps = 9.99999974E-6 : f32} : {{.*}}, tensor<64xf32>
  kernel.pack_rows %x, %p norm %w {eps = 1.0e-05 : f32} : !b, !p, tensor<64xf32>
  // CHECK: kernel.rope %arg2, %arg4, %arg3 {head_dim = 16 : i64} : !kernel.buffer<64 x f32>, !kernel.buffer<16 x f32>, !kernel.buffer<64 x f32>
  kernel.rope %x, %t, %y {head_dim = 16 : i64} : !b, !t, !b
  // CHECK: kernel.layer_norm %arg2, %arg5, %arg5, %arg3 {eps = 9.99999974E-6 : f32} : !kernel.buffer<64 x f32>, tensor<64xf32>, tensor<64xf32>, !kernel.buffer<64 x f32>
  kernel.layer_norm %x, %w, %w, %y {eps = 1.0e-05 : f32} : !b, tensor<64xf32>, tensor<64xf32>, !b
  return
}

// CHECK-LABEL: func.func @sum_squares
func.func @sum_squares(%x: !b, %s: !llm.column_sums<layers = 2, columns = 64>, %layer: index) {
  // CHECK: kernel.sum_squares %arg0 into %arg1[%arg2] : !kernel.buffer<64 x f32>, !llm.column_sums<layers = 2, columns = 64>
  kernel.sum_squares %x into %s[%layer] : !b, !llm.column_sums<layers = 2, columns = 64>
  return
}

// CHECK-LABEL: func.func @map
func.func @map(%x: !b, %y: !b) {
  // CHECK: kernel.map copy %arg0 into %arg1 : !kernel.buffer<64 x f32>, !kernel.buffer<64 x f32>
  kernel.map copy %x into %y : !b, !b
  // CHECK: kernel.map silu %arg0 into %arg1
  kernel.map silu %x into %y : !b, !b
  // CHECK: kernel.map add %arg0, %arg1 into %arg1 : !kernel.buffer<64 x f32>, !kernel.buffer<64 x f32>, !kernel.buffer<64 x f32>
  kernel.map add %x, %y into %y : !b, !b, !b
  // CHECK: kernel.map mul %arg0, %arg1 into %arg1
  kernel.map mul %x, %y into %y : !b, !b, !b
  // CHECK: kernel.map swiglu %arg0, %arg1 into %arg1
  kernel.map swiglu %x, %y into %y : !b, !b, !b
  return
}
