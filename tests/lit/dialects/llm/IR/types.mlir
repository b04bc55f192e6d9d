// RUN: llmc-opt %s --verify-roundtrip | llmc-opt | FileCheck %s
// RUN: llmc-opt %s --mlir-print-op-generic | llmc-opt | FileCheck %s

// CHECK-LABEL: func.func private @blocks
// CHECK-SAME: tensor<2x32x!llm.block<q4_0>>, tensor<2x256x!llm.block<q4_K>>, tensor<2x256x!llm.block<q6_K>, #llm.packed<rows = 16>>
func.func private @blocks(tensor<2x32x!llm.block<q4_0>>, tensor<2x256x!llm.block<q4_K>>,
                          tensor<2x256x!llm.block<q6_K>, #llm.packed<rows = 16>>)
// A quoted name is the same type.
// CHECK-LABEL: func.func private @quoted
// CHECK-SAME: !llm.block<q8_0>
func.func private @quoted(!llm.block<"q8_0">)
// CHECK-LABEL: func.func private @caches
// CHECK-SAME: !llm.kv_cache<layers = 2, heads = 4, key = 32 x f16, value = 16 x f16>, !llm.kv_cache<layers = 1, heads = 1, key = 1 x f32, value = 1 x f32>
func.func private @caches(!llm.kv_cache<layers = 2, heads = 4, key = 32 x f16, value = 16 x f16>,
                          !llm.kv_cache<layers = 1, heads = 1, key = 1 x f32, value = 1 x f32>)
// CHECK: attributes {a = #llm.activation<none>, b = #llm.activation<swiglu>, c = #llm.rope_scaling<none>, d = #llm.rope_scaling<linear>, e = #llm.rope_scaling<yarn>, f = #llm.packed<rows = 16>}
func.func private @attributes() attributes {
  a = #llm.activation<none>, b = #llm.activation<swiglu>, c = #llm.rope_scaling<none>,
  d = #llm.rope_scaling<linear>, e = #llm.rope_scaling<yarn>, f = #llm.packed<rows = 16>}
// CHECK-LABEL: func.func private @sums
// CHECK-SAME: !llm.column_sums<layers = 2, columns = 64>
func.func private @sums(!llm.column_sums<layers = 2, columns = 64>)
