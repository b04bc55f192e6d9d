// One call of a function, as the operations of its body see it.
#ifndef LLMC_COMPILER_INTERPRETER_FRAME_H
#define LLMC_COMPILER_INTERPRETER_FRAME_H

#include "compiler/Interpreter/Interpreter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"
#include <optional>

namespace llmc {

template <class Real>
class Frame {
public:
  using Value = InterpreterValue<Real>;

  // `caller` is null for a call from outside.
  Frame(Interpreter<Real> &interpreter, const Frame *caller)
      : interpreter_(interpreter), depth_(caller ? caller->depth_ + 1 : 0),
        stepRows_(caller ? caller->stepRows_ : std::nullopt) {}

  Interpreter<Real> &interpreter() { return interpreter_; }

  // The function's results. To be called once.
  absl::StatusOr<std::vector<Value>> run(mlir::func::FuncOp function, std::vector<Value> arguments);

  // The same for a function called by an operation of this frame.
  absl::StatusOr<std::vector<Value>> callFunction(mlir::func::FuncOp function,
                                                  std::vector<Value> arguments) {
    return Frame(interpreter_, this).run(function, std::move(arguments));
  }

  // The value of an operand; an error if no operation has yielded one.
  absl::StatusOr<Value> get(mlir::Value operand) const;
  absl::StatusOr<TensorRef<Real>> tensor(mlir::Value operand) const;
  // Null for an operand that is not there.
  absl::StatusOr<TensorRef<Real>> optionalTensor(mlir::Value operand) const;
  absl::StatusOr<int64_t> index(mlir::Value operand) const;
  absl::StatusOr<KvCacheState<Real> *> cache(mlir::Value operand);
  absl::StatusOr<TensorValue<Real> *> columnSums(mlir::Value operand);

  // Binds a result, after checking that `value` is of its type.
  absl::Status set(mlir::Value result, absl::StatusOr<Value> value);
  absl::Status setTensor(mlir::Value result, absl::StatusOr<TensorValue<Real>> tensor);
  absl::Status setResults(mlir::ValueRange results, std::vector<Value> values);

  // Tokens of the current step, which an operation whose operands do not tell it, such as
  // llm.rope_table, works for: that many as the function, or else its caller, has elements in its
  // token parameter or rows in its first parameter of type tensor<?xNxf32>.
  absl::StatusOr<int64_t> stepRows() const;

private:
  Interpreter<Real> &interpreter_;
  int depth_;
  std::optional<int64_t> stepRows_;
  llvm::DenseMap<mlir::Value, Value> values_;
};

template <class Real>
using OpFunction = absl::Status (*)(mlir::Operation *, Frame<Real> &);

// What each operation does, by its name; a function's terminator is the end of the frame.
template <class Real>
using OpTable = llvm::StringMap<OpFunction<Real>>;

template <class Real>
const OpTable<Real> &opTable();

// Adds `function`, a Status (Op, Frame<Real> &), as the meaning of Op.
template <class Op, auto function, class Real>
void addOp(OpTable<Real> &table) {
  table[Op::getOperationName()] = [](mlir::Operation *op, Frame<Real> &frame) {
    return function(mlir::cast<Op>(op), frame);
  };
}

// Model math, fused and unfused.
template <class Real>
void addModelOps(OpTable<Real> &table);
// Weights, state, calls, constants.
template <class Real>
void addProgramOps(OpTable<Real> &table);
// The loops over blocks.
template <class Real>
void addLayerOps(OpTable<Real> &table);
// Mixtures of experts.
template <class Real>
void addExpertOps(OpTable<Real> &table);
// Parameters, adjoints and what else training needs.
template <class Real>
void addTrainingOps(OpTable<Real> &table);

} // namespace llmc

#endif
