// Interpretations of a program whose arithmetic is as coarse as compiled code's, each with rounding
// errors of its own: how far they are apart is how far compiled code may be from each.
#ifndef LLMC_TOOLS_LLMC_SMITH_WORLDS_H
#define LLMC_TOOLS_LLMC_SMITH_WORLDS_H

#include "compiler/Check/CompiledArithmetic.h"
#include "compiler/Check/CompiledProgram.h"
#include "tools/llmc-smith/Inputs.h"

namespace llmc::smith {

class Worlds {
public:
  // `target` outlives the worlds.
  Worlds(mlir::ModuleOp module, const Numbers &numbers, const TargetDescription &target,
         Products products)
      : module_(module), numbers_(numbers), target_(target), products_(products) {}

  // Calls the function in all worlds, and compares. An error unless `is`, its results and the
  // gradients of all parameters, is where they may be.
  absl::Status check(const std::string &function, const Arguments &arguments,
                     const std::vector<Rows> &is);

private:
  using Results = std::vector<TensorRef<double>>;
  struct World {
    std::unique_ptr<CompiledArithmetic> arithmetic;
    std::unique_ptr<Interpreter<double>> interpreter;
    Results last; // of the newest call, and the gradients after it
  };
  struct Call {
    std::string function;
    Arguments arguments;
  };

  absl::Status call(World &world, const Call &call) const;
  // Adds worlds in which all calls so far have happened.
  absl::Status grow(size_t count);
  absl::Status compare(const std::vector<Rows> &is) const;

  mlir::ModuleOp module_;
  const Numbers &numbers_;
  const TargetDescription &target_;
  Products products_;
  std::vector<Call> calls_;
  std::vector<World> worlds_;
};

} // namespace llmc::smith

#endif
