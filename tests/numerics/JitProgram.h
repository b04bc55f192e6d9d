// A program compiled for the CPU under test, and its interpretation.
#ifndef LLMC_TESTS_NUMERICS_JITPROGRAM_H
#define LLMC_TESTS_NUMERICS_JITPROGRAM_H

#include "compiler/Driver/Compiler.h"
#include "compiler/Interpreter/Interpreter.h"
#include "compiler/Jit/ObjectCode.h"
#include "tests/numerics/GuardedMemory.h"
#include "llvm/ADT/StringSet.h"
#include <gtest/gtest.h>
#include <map>

namespace llmc {

// The CPU that the tests of this process compile for, as --target-cpu has it. main() sets it, after
// checking that code for it runs here.
std::string &testTarget();

// Operations of the `llm` dialect that a program of this process had when it was lowered.
llvm::StringSet<> &loweredOperations();

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

// Parses text to a module that interpreters and compilations take.
class ParsedProgram {
public:
  // Fails the test if `text` does not parse.
  ParsedProgram(const std::string &text, WeightBytes weights);

  template <class Real>
  Interpreter<Real> interpreter() {
    return Interpreter<Real>(*module_, [this](absl::string_view name) { return find(name); });
  }

protected:
  absl::StatusOr<std::span<const uint8_t>> find(absl::string_view name) const;

  Compiler compiler_;
  mlir::OwningOpRef<mlir::ModuleOp> module_;
  WeightBytes weights_;
};

class JitProgram : public ParsedProgram {
public:
  struct Options {
    Form form = Form::Fused;
    int64_t maxRows = 37;   // tokens of a step
    int64_t capacity = 192; // positions of the caches
    PhaseOptions phases;
    std::map<std::string, std::vector<float>> parameters; // row after row, by name
  };

  // Compiles for testTarget() and binds the weights; fails the test if it cannot.
  JitProgram(const std::string &text, WeightBytes weights, Options options);

  // Runs a function for a step of `rows` tokens on teams of 1, 2 and 3 threads, each with caches of
  // its own, which live as long as the program. Fails the test unless all results have the same
  // bits.
  std::vector<Rows> run(const std::string &function, int64_t rows, const Arguments &arguments);

  // Column sums of the program, which every run adds to. Fails the test unless all teams have the
  // same bits.
  Rows columnSums(size_t index);

  // The gradient of a parameter, row after row, which every run adds to. Fails the test unless all
  // teams have the same bits, and zeros in the padding.
  Rows gradient(const std::string &name);

  const ProgramManifest &manifest() const { return manifest_; }

private:
  // What a team has for itself.
  struct Instance {
    GuardedMemory arena;
    std::vector<GuardedMemory> caches, sums;
    std::vector<GuardedMemory> parameters; // values and gradient of each
  };

  absl::StatusOr<CompiledModel> compile(mlir::ModuleOp module);
  absl::StatusOr<CompiledModel> compileUnfused(mlir::ModuleOp module,
                                               const CompileOptions &options);
  void bindWeights();
  void checkPacker(const ProgramWeight &weight, const std::vector<uint8_t> &bytes,
                   const GuardedMemory &expected);
  std::vector<Rows> runInstance(StepFunction function, llvm::ArrayRef<mlir::Type> results,
                                int64_t rows, const Arguments &arguments, unsigned threads);

  Options options_;
  ProgramManifest manifest_;
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

// The results of a function whose results are rows; fails the test if the call does.
template <class Real>
std::vector<TensorRef<Real>> interpret(Interpreter<Real> &interpreter, const std::string &function,
                                       const Arguments &arguments) {
  auto results = interpreter.call(function, interpreterArguments<Real>(arguments));
  std::vector<TensorRef<Real>> tensors;
  EXPECT_TRUE(results.ok()) << results.status();
  if (results.ok())
    for (const InterpreterValue<Real> &value : *results)
      tensors.push_back(std::get<TensorRef<Real>>(value));
  return tensors;
}

// Every element of `is` is within `tolerance(row, column)` of `expected`.
void expectRows(const Rows &is, const TensorValue<double> &expected,
                const std::function<double(int64_t, int64_t)> &tolerance);
// The same floats.
void expectSameRows(const Rows &is, const TensorValue<double> &expected);

} // namespace llmc

#endif
