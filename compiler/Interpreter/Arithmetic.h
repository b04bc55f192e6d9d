// What an interpretation computes with where it is not to be exact: the place where those who know
// how compiled code rounds can say so. The interpreter itself knows nothing of it.
#ifndef LLMC_COMPILER_INTERPRETER_ARITHMETIC_H
#define LLMC_COMPILER_INTERPRETER_ARITHMETIC_H

#include "compiler/Interpreter/InterpreterValue.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Operation.h"

namespace llmc {

template <class Real>
class Arithmetic {
public:
  virtual ~Arithmetic() = default;
  // Makes of the factors of a product what it multiplies. `type` is that of the weight.
  virtual void roundFactors(mlir::RankedTensorType type, TensorRef<Real> &input,
                            TensorRef<Real> &weight) = 0;
  // Makes of the exact result of an operation what it yields.
  virtual void roundResult(mlir::Operation *op, TensorValue<Real> &result) = 0;
};

} // namespace llmc

#endif
