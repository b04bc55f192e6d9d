// RUN: %opt %s --llm-to-kernel | FileCheck %s --implicit-check-not="func.func @pack"

// The runtime packs weights with a function per format. What keeps GGUF's layout needs none.

module attributes {kernel.target = #kernel.target<dot = vnni512, tiles = [1], max_rows = 1>} {

llm.weight @a : tensor<32x64x!llm.block<q4_0>, #llm.packed<rows = 16>> from "a"
llm.weight @b : tensor<64x96x!llm.block<q4_0>, #llm.packed<rows = 16>> from "{layer}.b" layers [0, 1]
llm.weight @c : tensor<32x64xf16, #llm.packed<rows = 16>> from "c"
llm.weight @embedding : tensor<32x64x!llm.block<q8_0>> from "embedding"
llm.weight @norm : tensor<64xf32> from "norm"

// CHECK:      func.func @pack.q4_0(%[[SOURCE:.*]]: index, %[[PACKED:.*]]: index, %[[ROWS:.*]]: index, %[[COLUMNS:.*]]: index) {
// CHECK-NEXT:   kernel.pack %[[SOURCE]] to %[[PACKED]] rows %[[ROWS]] columns %[[COLUMNS]] as !llm.block<q4_0>
// CHECK-NEXT:   return
// CHECK:      func.func @pack.f16(
// CHECK-NEXT:   kernel.pack {{.*}} as f16
// CHECK-NEXT:   return

}
