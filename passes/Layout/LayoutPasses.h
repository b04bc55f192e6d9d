// Passes of phase `layout`.
#ifndef LLMC_PASSES_LAYOUT_LAYOUTPASSES_H
#define LLMC_PASSES_LAYOUT_LAYOUTPASSES_H

#include "dialects/llm/IR/LlmDialect.h"
#include "mlir/Pass/Pass.h"

namespace llmc::llm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/Layout/LayoutPasses.h.inc"

} // namespace llmc::llm

#endif
