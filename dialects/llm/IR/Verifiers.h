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
// Of a norm, or its adjoint, whose weight has as many elements as a row, or as each of its heads.
template <class Op>
mlir::LogicalResult checkRmsNorm(Op op) {
  if (op.getEps().isNegative())
    return op.emitOpError() << "eps must not be negative";
  const int64_t head = tensorOf(op.getWeight()).getDimSize(0), width = getWidth(op.getInput());
  if (width % head != 0)
    return op.emitOpError() << "input has " << width << " columns, expected " << head
                            << " or a multiple of it";
  return mlir::success();
}

std::string sourceName(llvm::StringRef source, std::optional<llvm::ArrayRef<int32_t>> layers,
                       int64_t index);

} // namespace llmc::llm

#endif
