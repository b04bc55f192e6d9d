// RUN: llmc-opt %s --llm-pipeline=import --dump-pass-pipeline 2>&1 | FileCheck %s --check-prefix=IMPORT
// RUN: llmc-opt %s --llm-pipeline=llvm --dump-pass-pipeline 2>&1 | FileCheck %s --check-prefix=LLVM
// RUN: llmc-opt %s --llm-phase-layout --dump-pass-pipeline 2>&1 | FileCheck %s --check-prefix=LAYOUT
// RUN: not llmc-opt %s --llm-pipeline=object 2>&1 | FileCheck %s --check-prefix=OBJECT
// RUN: not llmc-opt %s --llm-pipeline=veector 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not llmc-opt %s --llm-pipeline 2>&1 | FileCheck %s --check-prefix=NONE

// A pipeline per phase, and one of all phases up to a phase. Each phase ends with its check.

// IMPORT:      builtin.module(
// IMPORT-NEXT:   llm-verify-phase{phase=import}
// IMPORT-NEXT: )

// LAYOUT:      builtin.module(
// LAYOUT-NEXT:   llm-assign-layouts,
// LAYOUT-NEXT:   llm-verify-phase{phase=layout}
// LAYOUT-NEXT: )

// LLVM:      builtin.module(
// LLVM-NEXT:   llm-verify-phase{phase=import},
// LLVM-NEXT:   canonicalize
// LLVM-NEXT:   cse,
// LLVM-NEXT:   llm-verify-phase{phase=simplify},
// LLVM-NEXT:   llm-mark-active,
// LLVM-NEXT:   llm-build-adjoints,
// LLVM-NEXT:   llm-save-activations{gradient-checkpointing=true memory-budget=0 rows=1},
// LLVM-NEXT:   llm-fold-adjoints,
// LLVM-NEXT:   llm-verify-phase{phase=autodiff},
// LLVM-NEXT:   llm-fuse-gate,
// LLVM-NEXT:   llm-fuse-experts,
// LLVM:        llm-verify-phase{phase=fuse},
// LLVM-NEXT:   llm-assign-layouts,
// LLVM-NEXT:   llm-verify-phase{phase=layout},
// LLVM-NEXT:   llm-to-kernel{compute=auto},
// LLVM-NEXT:   kernel-gather-packs,
// LLVM-NEXT:   kernel-plan-memory,
// Only now is it known which buffers share memory.
// LLVM-NEXT:   kernel-insert-barriers,
// LLVM-NEXT:   kernel-share-products,
// LLVM-NEXT:   llm-verify-phase{phase=kernel},
// LLVM-NEXT:   kernel-to-vector,
// LLVM-NEXT:   vector-expand-floats,
// LLVM-NEXT:   func.func(
// LLVM-NEXT:     cse
// LLVM-NEXT:   ),
// LLVM-NEXT:   llm-verify-phase{phase=vector},
// LLVM:        llm-verify-phase{phase=llvm}
// LLVM-NEXT: )

// OBJECT:  error: --llm-pipeline needs a phase that passes lead to, import to llvm, not 'object'
// UNKNOWN: error: --llm-pipeline needs a phase that passes lead to, import to llvm, not 'veector'
// NONE:    error: --llm-pipeline needs a phase that passes lead to, import to llvm, not ''

module attributes {kernel.target = #kernel.target<dot = plain, tiles = [1], max_rows = 1>} {
}
