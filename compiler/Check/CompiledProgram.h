// A program compiled for a CPU and bound to made-up weights, run on memory that nothing may be read
// or written beyond.
#ifndef LLMC_COMPILER_CHECK_COMPILEDPROGRAM_H
#define LLMC_COMPILER_CHECK_COMPILEDPROGRAM_H

#include "absl/status/statusor.h"
#include "compiler/Check/GuardedMemory.h"
#include "compiler/Driver/Compiler.h"
#include "compiler/Interpreter/InterpreterValue.h"
#include "compiler/Jit/ObjectCode.h"
#include "llvm/ADT/ArrayRef.h"
#include <map>

namespace llmc {

// Rows of f32, without padding.
struct Rows {
  int64_t count = 0, width = 0;
  std::vector<float> data;

  float at(int64_t row, int64_t column) const { return data[row * width + column]; }
};

// Bytes of weights in GGUF's layout, by the name in the GGUF.
using WeightBytes = std::map<std::string, std::vector<uint8_t>>;

using Argument = std::variant<Rows, std::vector<int32_t>, int64_t>;
using Arguments = std::vector<Argument>;

enum class Form { Fused, Unfused };

class CompiledProgram {
public:
  struct Options {
    Form form = Form::Fused;
    int64_t maxRows = 37;   // tokens of a step
    int64_t capacity = 192; // positions of the caches
    PhaseOptions phases;
    std::map<std::string, std::vector<float>> parameters; // row after row, by name
    std::string targetCpu = "native";
    std::optional<TileChoice> tiles; // instead of the target's
    unsigned teams = 3;              // of 1 thread, of 2, ...; at most 3
    // See CompileOptions.
    std::function<absl::Status(Phase, mlir::ModuleOp, double seconds)> observer;
  };

  // Compiles a copy of `module` and binds the weights; what compiled code packs must be what
  // PackedLayout says.
  static absl::StatusOr<std::unique_ptr<CompiledProgram>>
  create(Compiler &compiler, mlir::ModuleOp module, const WeightBytes &weights, Options options);

  // Runs a function for a step of `rows` tokens on each team, each with caches of its own, which
  // live as long as the program. An error unless all results and caches have the same bits and
  // nothing was written where it should not.
  absl::StatusOr<std::vector<Rows>> run(const std::string &function, int64_t rows,
                                        const Arguments &arguments);

  // Column sums of the program, which every run adds to. An error unless all teams have the same
  // bits.
  absl::StatusOr<Rows> columnSums(size_t index) const;

  // The gradient of a parameter, row after row, which every run adds to. An error unless all teams
  // have the same bits, and zeros in the padding.
  absl::StatusOr<Rows> gradient(const std::string &name) const;

  const ProgramManifest &manifest() const { return manifest_; }

private:
  // What a team has for itself.
  struct Instance {
    GuardedMemory arena;
    std::vector<GuardedMemory> caches, sums;
    std::vector<GuardedMemory> parameters; // values and gradient of each
  };

  explicit CompiledProgram(Options options) : options_(std::move(options)) {}
  absl::Status compile(Compiler &compiler, mlir::ModuleOp module);
  absl::Status addInstance();
  absl::Status bindWeights(const WeightBytes &weights);
  absl::Status checkPacker(const ProgramWeight &weight, const std::vector<uint8_t> &bytes,
                           const GuardedMemory &expected) const;
  absl::StatusOr<std::vector<Rows>> runInstance(StepFunction function,
                                                llvm::ArrayRef<int64_t> widths, int64_t rows,
                                                const Arguments &arguments, unsigned threads);

  Options options_;
  ProgramManifest manifest_;
  std::map<std::string, std::vector<int64_t>> resultWidths_; // by function
  std::unique_ptr<LoadedCode> code_;
  std::vector<GuardedMemory> weightMemory_;
  std::vector<Instance> instances_;
};

// The same arguments for an interpreter.
template <class Real>
std::vector<InterpreterValue<Real>> interpreterArguments(const Arguments &arguments) {
  std::vector<InterpreterValue<Real>> values;
  for (const Argument &argument : arguments) {
    if (auto *rows = std::get_if<Rows>(&argument))
      values.push_back(makeTensor<Real>({rows->count, rows->width},
                                        std::vector<Real>(rows->data.begin(), rows->data.end())));
    else if (auto *tokens = std::get_if<std::vector<int32_t>>(&argument))
      values.push_back(TokensValue{*tokens});
    else
      values.push_back(IndexValue{std::get<int64_t>(argument)});
  }
  return values;
}

} // namespace llmc

#endif
