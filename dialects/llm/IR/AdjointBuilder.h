// What a rule of the interface Differentiable sees of the program that it adds to.
#ifndef LLMC_DIALECTS_LLM_IR_ADJOINTBUILDER_H
#define LLMC_DIALECTS_LLM_IR_ADJOINTBUILDER_H

#include "mlir/IR/Builders.h"

namespace llmc::llm {

class AdjointBuilder {
public:
  explicit AdjointBuilder(mlir::OpBuilder &builder) : b(builder) {}
  virtual ~AdjointBuilder() = default;

  // At the place where the adjoint is built.
  mlir::OpBuilder &b;

  // What `value`, an operand or result of the operation, was in the forward pass.
  virtual mlir::Value primal(mlir::Value value) = 0;
  // The derivative by a result, or null if nothing depends on it.
  virtual mlir::Value adjoint(mlir::Value result) = 0;
  // Whether the derivative by `operand` is wanted.
  virtual bool isActive(mlir::Value operand) = 0;
  // Adds to the derivative by `operand`. Does nothing if that is not wanted.
  virtual void add(mlir::Value operand, mlir::Value derivative) = 0;
};

} // namespace llmc::llm

#endif
