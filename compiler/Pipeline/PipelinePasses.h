// Passes of the pipeline itself.
#ifndef LLMC_COMPILER_PIPELINE_PIPELINEPASSES_H
#define LLMC_COMPILER_PIPELINE_PIPELINEPASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace llmc {

#define GEN_PASS_DECL
#include "compiler/Pipeline/PipelinePasses.h.inc"

} // namespace llmc

#endif
