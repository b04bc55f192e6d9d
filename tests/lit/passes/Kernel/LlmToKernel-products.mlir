// RUN: %opt %s --llm-assign-layouts --llm-to-kernel | FileCheck %s --check-prefixes=CHECK,AMX
// RUN: %opt %s --llm-assign-layouts --llm-to-kernel=compute=f32 | FileCheck %s --check-prefixes=CHECK,F32

// Products of a module that trains: by the matrix unit, or in f32.

module attributes {kernel.target = #kernel.target<dot = amx, tiles = [1, 8, 16], max_rows = 32>} {

llm.weight @w : tensor<48x64x!llm.block<q8_0>> from "w"
llm.weight @out : tensor<5000x64xf16> from "out"
llm.parameter @a : tensor<4x64xf32> from "a"
llm.parameter @b : tensor<48x4xf32> from "b"

// CHECK-LABEL: func.func @adapter(
// CHECK-SAME: %[[X:.*]]: !kernel.buffer<64 x f32>, %[[Z:.*]]: !kernel.buffer<48 x f32>)
// CHECK-DAG: %[[W:.*]] = kernel.get_weight @w
// CHECK-DAG: %[[A:.*]] = kernel.get_parameter @a : !kernel.parameter<4 x 64>
// Higher than wide: it lies transposed.
// CHECK-DAG: %[[B:.*]] = kernel.get_parameter @b : !kernel.parameter<4 x 48>
// AMX: kernel.pack_factor %[[X]], %[[F:.*]] : <64 x f32>, !kernel.factor<64, rows>
// AMX: kernel.product %[[F]], %[[W]], %[[Y:.*]] : !kernel.factor<64, rows>
// F32-NOT: kernel.pack_factor
// F32: kernel.product %[[X]], %[[W]], %[[Y:.*]] : !kernel.buffer<64 x f32>
// CHECK: kernel.dots %[[X]], %[[A]], %[[U:.*]] {scale = 1.000000e+00 : f32}
// CHECK: kernel.expand %[[U]], %[[B]], %[[Z]] plus %[[Y]] {scale = 2.000000e+00 : f32}
func.func @adapter(%x: tensor<?x64xf32>) -> tensor<?x48xf32> {
  %w = llm.get_weight @w : tensor<48x64x!llm.block<q8_0>>
  %a = llm.get_parameter @a : tensor<4x64xf32>
  %b = llm.get_parameter @b : tensor<48x4xf32>
  %y = llm.linear %x, %w : tensor<?x64xf32>, tensor<48x64x!llm.block<q8_0>> -> tensor<?x48xf32>
  %u = llm.matmul %x, %a transposed : tensor<?x64xf32>, tensor<4x64xf32> -> tensor<?x4xf32>
  %z = llm.matmul %u, %b transposed scale 2.0 plus %y : tensor<?x48xf32>
      : tensor<?x4xf32>, tensor<48x4xf32> -> tensor<?x48xf32>
  return %z : tensor<?x48xf32>
}

// CHECK-LABEL: func.func @gradients(
// CHECK-SAME: %[[DY:.*]]: !kernel.buffer<48 x f32>, %[[X:.*]]: !kernel.buffer<64 x f32>, %[[U:.*]]: !kernel.buffer<4 x f32>, %[[DX:.*]]: !kernel.buffer<64 x f32>)
// CHECK: kernel.dots %[[DY]], %{{.*}}, %[[DU:.*]] {scale = 2.000000e+00 : f32}
// CHECK: %[[DB:.*]] = kernel.get_gradient @b : !kernel.parameter<4 x 48>
// CHECK: kernel.outer %[[U]], %[[DY]] into %[[DB]] {scale = 2.000000e+00 : f32}
// CHECK: %[[DA:.*]] = kernel.get_gradient @a : !kernel.parameter<4 x 64>
// CHECK: kernel.outer %[[DU]], %[[X]] into %[[DA]] {scale = 1.000000e+00 : f32}
// AMX: kernel.pack_factor %[[DY]], %[[F:.*]] : <48 x f32>, !kernel.factor<64, pairs>
// AMX: kernel.product %[[F]], %{{.*}}, %[[DX]] {transposed}
// F32: kernel.product %[[DY]], %{{.*}}, %[[DX]] {transposed}
func.func @gradients(%dy: tensor<?x48xf32>, %x: tensor<?x64xf32>, %u: tensor<?x4xf32>) -> tensor<?x64xf32> {
  %w = llm.get_weight @w : tensor<48x64x!llm.block<q8_0>>
  %b = llm.get_parameter @b : tensor<48x4xf32>
  %du = llm.matmul %dy, %b scale 2.0 : tensor<?x48xf32>, tensor<48x4xf32> -> tensor<?x4xf32>
  %db = llm.outer %dy, %u scale 2.0 : tensor<?x48xf32>, tensor<?x4xf32> -> tensor<48x4xf32>
  llm.accumulate_gradient %db into @b : tensor<48x4xf32>
  %da = llm.outer %du, %x : tensor<?x4xf32>, tensor<?x64xf32> -> tensor<4x64xf32>
  llm.accumulate_gradient %da into @a : tensor<4x64xf32>
  %dx = llm.linear_transposed %dy, %w : tensor<?x48xf32>, tensor<48x64x!llm.block<q8_0>> -> tensor<?x64xf32>
  return %dx : tensor<?x64xf32>
}

// The logits exist 4096 at a time, and one factor serves all of them.
// CHECK-LABEL: func.func @loss(
// CHECK: kernel.product %[[X:.*]], %[[W:.*]], %[[L:.*]] : {{.*}} !kernel.buffer<4096 x f32>
// CHECK: kernel.sum_exponentials %[[L]], %[[T:.*]], %[[S:.*]] {first = 0 : i64}
// CHECK-NOT: kernel.pack_factor
// CHECK: kernel.product %[[X]], %[[W]], %[[M:.*]] {first_row = 4096 : i64} : {{.*}} !kernel.buffer<904 x f32>
// CHECK: kernel.sum_exponentials %[[M]], %[[T]], %[[S]] {first = 4096 : i64}
// CHECK: kernel.cross_entropy %[[S]], %[[T]],
func.func @loss(%x: tensor<?x64xf32>, %t: tensor<?xi32>) -> tensor<?x1xf32> {
  %w = llm.get_weight @out : tensor<5000x64xf16>
  %losses, %l = llm.linear_cross_entropy %x, %w, %t
      : (tensor<?x64xf32>, tensor<5000x64xf16>, tensor<?xi32>) -> (tensor<?x1xf32>, tensor<?x1xf32>)
  return %losses : tensor<?x1xf32>
}
}
