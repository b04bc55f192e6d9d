// RUN: llmc-opt %s --llm-verify-phase | FileCheck %s
// RUN: llmc-opt %s -o /dev/null --llm-verify-phase=phase=simplify
// RUN: llmc-opt %s -o /dev/null --llm-verify-phase=phase=fuse
// RUN: llmc-opt %s -o /dev/null --llm-verify-phase=phase=layout
// RUN: not llmc-opt %s --llm-verify-phase=phase=kernel 2>&1 | FileCheck %s --check-prefix=KERNEL
// RUN: not llmc-opt %s --llm-verify-phase=phase=vector 2>&1 | FileCheck %s --check-prefix=VECTOR
// RUN: not llmc-opt %s --llm-verify-phase=phase=llvm 2>&1 | FileCheck %s --check-prefix=LLVM
// RUN: not llmc-opt %s --llm-verify-phase=phase=object 2>&1 | FileCheck %s --check-prefix=OBJECT
// RUN: not llmc-opt %s --llm-verify-phase=phase=parse 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// A phase ends with nothing but operations of its dialects, wherever they stand. Nothing is changed.

// OBJECT: error: 'llm.state' op must not be left after phase 'object'
// UNKNOWN: error: there is no phase 'parse'

// VECTOR: [[@LINE+2]]:1: error: 'llm.state' op must not be left after phase 'vector'
// LLVM: [[@LINE+1]]:1: error: 'llm.state' op must not be left after phase 'llvm'
llm.state @kv : !llm.kv_cache<layers = 2, heads = 2, key = 16 x f16, value = 16 x f16>

// CHECK: func.func @f
func.func @f(%x: tensor<?x64xf32>, %start: index) -> index {
  %c0 = arith.constant 0 : index
  // KERNEL: [[@LINE+1]]:8: error: 'tensor.dim' op must not be left after phase 'kernel'
  %0 = tensor.dim %x, %c0 : tensor<?x64xf32>
  // CHECK: llm.rope_table
  %1 = llm.rope_table %start {base = 1.0e+04 : f32} : tensor<?x16xf32>
  return %0 : index
}
