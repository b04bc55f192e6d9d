// What the script does not ask for goes: other functions, results, weights, layers, operations before
// and after.
// RUN: llmc-reduce %s --test %S/Inputs/keeps_silu_and_norm.sh -o %t 2>&1 | FileCheck %s --check-prefix=COUNT
// RUN: FileCheck %s --input-file %t --implicit-check-not="llm.{{linear|mul|add|attention|cache_write}}" --implicit-check-not="@{{other|w|norm}}"
// RUN: not llmc-reduce %t --test /bin/false 2>&1 | FileCheck %s --check-prefix=DULL
// RUN: not llmc-reduce %t --test %t.none 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not llmc-reduce %S/Inputs/keeps_silu_and_norm.sh --test /bin/true 2>&1 | FileCheck %s --check-prefix=WRONG

// COUNT: 23 operations, now 11
// DULL: the script does not find it interesting as it is
// NONE: .none: {{.+}}
// WRONG: keeps_silu_and_norm.sh: is no valid module

// CHECK:      llm.weight @scale : tensor<64xf32> from "{layer}.scale" layers [0]
// CHECK-NEXT: llm.state @kv
// CHECK-NEXT: func.func private @block(
// CHECK-NEXT:   llm.silu
// CHECK-NEXT:   llm.rms_norm
// CHECK-NEXT:   return
// CHECK:      func.func @step(
// CHECK-NEXT:   llm.get_state
// CHECK-NEXT:   llm.layers {{.*}}schedule = array<i32: 0>, weights = {{\[\[}}@scale]]
// CHECK-NEXT:   return

llm.weight @norm : tensor<64xf32> from "norm"
llm.weight @scale : tensor<64xf32> from "{layer}.scale" layers [0, 1, 2]
llm.weight @w : tensor<64x64x!llm.block<q4_0>> from "{layer}.w" layers [0, 1, 2]
llm.state @kv : !llm.kv_cache<layers = 3, heads = 1, key = 64 x f16, value = 64 x f16>

func.func @other(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %y = llm.add %x, %x : tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

func.func private @block(%x: tensor<?x64xf32>, %layer: index, %start: index,
    %kv: !llm.kv_cache<layers = 3, heads = 1, key = 64 x f16, value = 64 x f16>,
    %scale: tensor<64xf32>, %w: tensor<64x64x!llm.block<q4_0>>) -> tensor<?x64xf32> {
  %q = llm.linear %x, %w : tensor<?x64xf32>, tensor<64x64x!llm.block<q4_0>> -> tensor<?x64xf32>
  llm.cache_write %kv[%layer] at %start, %q, %x
      : !llm.kv_cache<layers = 3, heads = 1, key = 64 x f16, value = 64 x f16>, tensor<?x64xf32>, tensor<?x64xf32>
  %a = llm.attention %q, %kv[%layer] at %start scale 1.250000e-01
      : tensor<?x64xf32>, !llm.kv_cache<layers = 3, heads = 1, key = 64 x f16, value = 64 x f16> -> tensor<?x64xf32>
  %s = llm.silu %a : tensor<?x64xf32>
  %n = llm.rms_norm %s, %scale eps 1.0e-05 : tensor<?x64xf32>, tensor<64xf32>
  %m = llm.mul %n, %x : tensor<?x64xf32>
  return %m : tensor<?x64xf32>
}

func.func @step(%x: tensor<?x64xf32>, %start: index) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  %norm = llm.get_weight @norm : tensor<64xf32>
  %kv = llm.get_state @kv : !llm.kv_cache<layers = 3, heads = 1, key = 64 x f16, value = 64 x f16>
  %n = llm.rms_norm %x, %norm eps 1.0e-05 : tensor<?x64xf32>, tensor<64xf32>
  %y = llm.layers %n shared(%start, %kv) {
    blocks = [@block], weights = [[@scale, @w]], schedule = array<i32: 0, 0, 0>
  } : (tensor<?x64xf32>, index, !llm.kv_cache<layers = 3, heads = 1, key = 64 x f16, value = 64 x f16>) -> tensor<?x64xf32>
  %z = llm.add %x, %y : tensor<?x64xf32>
  return %z, %n : tensor<?x64xf32>, tensor<?x64xf32>
}
