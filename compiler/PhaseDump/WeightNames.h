// What operations of a model read from its file, and short names for them.
#ifndef LLMC_COMPILER_PHASEDUMP_WEIGHTNAMES_H
#define LLMC_COMPILER_PHASEDUMP_WEIGHTNAMES_H

#include "dialects/llm/IR/LlmDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include <string>

namespace llmc {

class WeightNames {
public:
  // Of a module in the `llm` or the `kernel` dialect.
  explicit WeightNames(mlir::ModuleOp module);

  // The weight, or the family of weights, that a value is; null if it is none.
  llm::WeightOp find(mlir::Value value) const;
  llvm::SmallVector<llm::WeightOp> readBy(mlir::Operation *op) const;

  // "linear attn_q", or "add of ffn_down" where the operation reads no weights itself.
  std::string describe(mlir::Operation *op) const;
  // "hidden state", or "%arg1" of a parameter of which no more is known.
  std::string describe(mlir::BlockArgument parameter) const;

private:
  llvm::DenseMap<mlir::Value, llm::WeightOp> weights_;
  llvm::DenseMap<mlir::Value, std::string> parameters_; // of blocks
};

// "q4_K"
std::string formatName(llm::WeightOp weight);
// Bytes of one tensor in the file.
uint64_t fileBytes(llm::WeightOp weight);

} // namespace llmc

#endif
