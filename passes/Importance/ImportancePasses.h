// Passes that measure a program.
#ifndef LLMC_PASSES_IMPORTANCE_IMPORTANCEPASSES_H
#define LLMC_PASSES_IMPORTANCE_IMPORTANCEPASSES_H

#include "dialects/llm/IR/LlmDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Pass/Pass.h"

namespace llmc::llm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/Importance/ImportancePasses.h.inc"

} // namespace llmc::llm

#endif
