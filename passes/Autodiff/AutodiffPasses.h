// Passes of the `autodiff` phase; see AutodiffPasses.td.
#ifndef LLMC_PASSES_AUTODIFF_AUTODIFFPASSES_H
#define LLMC_PASSES_AUTODIFF_AUTODIFFPASSES_H

#include "dialects/llm/IR/LlmDialect.h"
#include "mlir/Pass/Pass.h"

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace llmc {

#define GEN_PASS_DECL
#include "passes/Autodiff/AutodiffPasses.h.inc"

#define GEN_PASS_REGISTRATION
#include "passes/Autodiff/AutodiffPasses.h.inc"

// Adds the passes to `pm`, a pass manager of modules. Takes modules before fusion: fused operations
// have no rules, and what is fused depends on what the adjoints need.
void buildAutodiffPipeline(mlir::OpPassManager &pm, const SaveActivationsOptions &options);

} // namespace llmc

#endif
