// A program compiled for the CPU under test, and its interpretation; what goes wrong fails the
// test.
#ifndef LLMC_TESTS_NUMERICS_JITPROGRAM_H
#define LLMC_TESTS_NUMERICS_JITPROGRAM_H

#include "compiler/Check/CompiledProgram.h"
#include "compiler/Interpreter/Interpreter.h"
#include "llvm/ADT/StringSet.h"
#include <gtest/gtest.h>

namespace llmc {

// The CPU that the tests of this process compile for, as --target-cpu has it. main() sets it, after
// checking that code for it runs here.
std::string &testTarget();

// Operations of the `llm` dialect that a program of this process had when it was lowered.
llvm::StringSet<> &loweredOperations();

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
  using Options = CompiledProgram::Options;

  // Compiles for testTarget().
  JitProgram(const std::string &text, WeightBytes weights, Options options);

  // See CompiledProgram, for teams of 1, 2 and 3 threads.
  std::vector<Rows> run(const std::string &function, int64_t rows, const Arguments &arguments);
  Rows columnSums(size_t index);
  Rows gradient(const std::string &name);
  const ProgramManifest &manifest() const;

private:
  std::unique_ptr<CompiledProgram> program_; // null if it does not compile
};

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
