// Checks that verifiers of the `llm` operations share.
#ifndef LLMC_DIALECTS_LLM_IR_VERIFIERS_H
#define LLMC_DIALECTS_LLM_IR_VERIFIERS_H

#include "dialects/llm/IR/LlmDialect.h"

namespace llmc::llm {

mlir::RankedTensorType tensorOf(mlir::Value v);

mlir::LogicalResult checkWidth(mlir::Operation *op, mlir::Value rows, int64_t width,
                               llvm::StringRef what);
mlir::LogicalResult checkRowsOfBlocks(mlir::Operation *op, mlir::RankedTensorType weight);
// `w` multiplies rows of width `k`.
mlir::LogicalResult checkMatrix(mlir::Operation *op, mlir::Value w, int64_t k);
mlir::LogicalResult checkPairs(mlir::Operation *op, mlir::Value table);

// The declaration of one tensor or, with `layers`, of one per layer, whose name has `{layer}`.
mlir::LogicalResult verifyFamily(mlir::Operation *op, llvm::StringRef source,
                                 std::optional<llvm::ArrayRef<int32_t>> layers);
// The name of tensor `index` of a family.
std::string sourceName(llvm::StringRef source, std::optional<llvm::ArrayRef<int32_t>> layers,
                       int64_t index);

} // namespace llmc::llm

#endif
