// Passes of the `fuse` phase; see FusePasses.td.
#ifndef LLMC_PASSES_FUSE_FUSEPASSES_H
#define LLMC_PASSES_FUSE_FUSEPASSES_H

#include "dialects/llm/IR/LlmDialect.h"
#include "mlir/Pass/Pass.h"

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace llmc {

#define GEN_PASS_DECL
#include "passes/Fuse/FusePasses.h.inc"

#define GEN_PASS_REGISTRATION
#include "passes/Fuse/FusePasses.h.inc"

// Adds all fusions to `pm`, a pass manager of modules, in the order in which each finds what the
// others leave. Takes modules after canonicalization and CSE: equal values must be one value. What
// it leaves has no llm.linear.
void buildFusePipeline(mlir::OpPassManager &pm);

} // namespace llmc

#endif
