// The operations of training that stand for one kernel operation each.
#ifndef LLMC_PASSES_KERNEL_LLMTRAININGTOKERNEL_H
#define LLMC_PASSES_KERNEL_LLMTRAININGTOKERNEL_H

#include "dialects/llm/IR/LlmDialect.h"
#include "mlir/IR/Builders.h"
#include <functional>

namespace llmc::kernel {

// What a conversion has of the function that it works on.
struct TrainingConversion {
  mlir::OpBuilder &b;
  // What stands for a value of the `llm` dialect; null for null.
  std::function<mlir::Value(mlir::Value)> get;
  // The buffer that a result is written to.
  std::function<mlir::Value(mlir::OpResult)> outputFor;
  // The gradient that a result is added to, and nothing else; null where there is none.
  std::function<mlir::Value(mlir::OpResult)> gradientOf;
};

// Writes the kernel operation for `op`; false if it is none of those known here.
bool convertTrainingOp(mlir::Operation *op, const TrainingConversion &to);

} // namespace llmc::kernel

#endif
