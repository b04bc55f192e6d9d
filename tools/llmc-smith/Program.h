// Whole programs, made up from a seed.
#ifndef LLMC_TOOLS_LLMC_SMITH_PROGRAM_H
#define LLMC_TOOLS_LLMC_SMITH_PROGRAM_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace llmc::smith {

// The program of a seed, at phase import: functions @step and @logits over weights and states, or
// for training @loss over weights and parameters, as an importer might leave them. The same on
// every system. The context has all of llmc's dialects loaded.
mlir::OwningOpRef<mlir::ModuleOp> makeProgram(mlir::MLIRContext *context, uint32_t seed);

} // namespace llmc::smith

#endif
