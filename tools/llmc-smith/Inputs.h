// What a program is run on: weights and steps, made up from a seed and from the program alone, so
// that a reduced program still gets the numbers of the one it comes from.
#ifndef LLMC_TOOLS_LLMC_SMITH_INPUTS_H
#define LLMC_TOOLS_LLMC_SMITH_INPUTS_H

#include "compiler/Check/CompiledProgram.h"
#include "compiler/Interpreter/Interpreter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace llmc::smith {

struct Step {
  int64_t start, rows;
};

struct Plan {
  int64_t maxRows, capacity;
  std::vector<Step> steps; // each position is written before a later one is
};

// Steps of programs for training have whole sequences.
Plan makePlan(mlir::ModuleOp module, uint32_t seed);

// What a program is bound to.
struct Numbers {
  Numbers(mlir::ModuleOp module, uint32_t seed);

  // Of all llm.weight. Vectors whose name has "bias" in it are around 0, others near 1.
  WeightBytes weights;
  // Of all llm.parameter, row after row.
  std::map<std::string, std::vector<float>> parameters;

  WeightSource weightSource() const; // this outlives it
  void setParameters(Interpreter<double> &interpreter) const;
  std::vector<TensorValue<double>> gradientsOf(Interpreter<double> &interpreter) const;
};

// Functions that can be called from outside, in their order.
std::vector<mlir::func::FuncOp> entryFunctions(mlir::ModuleOp module);

// Makes the arguments of one call after the other.
class ArgumentMaker {
public:
  ArgumentMaker(mlir::ModuleOp module, uint32_t seed);

  // Tokens are random, as are targets, some of which are missing; an index is where the step
  // starts; rows are the newest results of their width from this step, or random.
  absl::StatusOr<Arguments> make(mlir::func::FuncOp function, size_t step, const Step &where) const;
  void beginStep() { results_.clear(); }
  void addResults(const std::vector<Rows> &results);

private:
  uint32_t seed_;
  int64_t vocabulary_;              // tokens that every llm.embed knows
  std::map<int64_t, Rows> results_; // by width
};

} // namespace llmc::smith

#endif
