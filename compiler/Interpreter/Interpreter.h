// The reference interpreter of the `llm` dialect: what a program means, computed as plainly as the
// operations describe it. It judges compiled code, so it shares none of the compiler's lowering.
#ifndef LLMC_COMPILER_INTERPRETER_INTERPRETER_H
#define LLMC_COMPILER_INTERPRETER_INTERPRETER_H

#include "absl/status/statusor.h"
#include "compiler/Interpreter/Arithmetic.h"
#include "compiler/Interpreter/InterpreterValue.h"
#include "compiler/Interpreter/KvCacheState.h"
#include "compiler/Interpreter/WeightStore.h"
#include "dialects/llm/IR/LlmDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include <map>

namespace llmc {

struct InterpreterOptions {
  // Keep cache elements in Real instead of rounding them to the cache's element type.
  bool exactCache = false;
};

// A matrix that training changes, and the sum of the gradients since it was last set to zero.
template <class Real>
struct Parameter {
  TensorValue<Real> value, gradient;
};

// True if the interpreter has a meaning for operations of this name.
bool isInterpreted(llvm::StringRef operationName);

// Runs functions of `module` in Real, which is float or double. One thread at a time.
template <class Real>
class Interpreter {
public:
  using Value = InterpreterValue<Real>;

  // `module` has passed its verifier and outlives the interpreter. A module that changes between
  // calls is seen as it then is; the state of a symbol is kept while its type stays.
  Interpreter(mlir::ModuleOp module, WeightSource weights, InterpreterOptions options = {});

  // Runs `function` and yields its results. Arguments must have its parameters' kinds and static
  // dimensions: floats of any format are a tensor of Real, tensor<?xi32> is TokensValue, an
  // !llm.kv_cache a StateHandle with the symbol's name. An error names the operation and its
  // location; what the call wrote to the states before it stays.
  absl::StatusOr<std::vector<Value>> call(llvm::StringRef function, std::vector<Value> arguments);

  // Computes with `arithmetic`, which outlives the interpreter; null: exactly, as Real allows.
  void setArithmetic(Arithmetic<Real> *arithmetic) { arithmetic_ = arithmetic; }

  // Empties all states. Weights stay decoded.
  void reset() {
    states_.clear();
    sums_.clear();
    parameters_.clear();
  }

  // Column sums, [layers x columns], zero until a program has added to them.
  absl::StatusOr<TensorValue<Real> *> columnSums(const StateHandle &handle);

  // Parameters by their names in files; zero until somebody sets them, as are their gradients.
  absl::StatusOr<Parameter<Real> *> parameter(llm::ParameterOp symbol, int64_t index);
  absl::StatusOr<Parameter<Real> *> parameter(const std::string &source);

  // For the operations.
  mlir::ModuleOp module() { return module_; }
  WeightStore<Real> &weights() { return weights_; }
  Arithmetic<Real> *arithmetic() { return arithmetic_; }
  absl::StatusOr<mlir::Type> stateType(const StateHandle &handle);
  absl::StatusOr<KvCacheState<Real> *> state(const StateHandle &handle);

private:
  mlir::ModuleOp module_;
  WeightStore<Real> weights_;
  InterpreterOptions options_;
  Arithmetic<Real> *arithmetic_ = nullptr;
  std::map<std::string, KvCacheState<Real>> states_;
  std::map<std::string, TensorValue<Real>> sums_;
  std::map<std::string, Parameter<Real>> parameters_;
};

} // namespace llmc

#endif
