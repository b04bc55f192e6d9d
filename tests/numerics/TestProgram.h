// A parsed module, its made-up weights and an interpreter, for tests.
#ifndef LLMC_TESTS_NUMERICS_TESTPROGRAM_H
#define LLMC_TESTS_NUMERICS_TESTPROGRAM_H

#include "compiler/Interpreter/Interpreter.h"
#include "mlir/IR/OwningOpRef.h"
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <vector>

namespace llmc {

class TestProgram {
public:
  // Fails the test if `text` does not parse and verify. `{kv}` in it stands for the type of a cache
  // of 2 layers with 1 head of 2 elements, `{kv2}` for one with 2 heads.
  explicit TestProgram(std::string text);

  void addWeight(const std::string &name, std::vector<uint8_t> bytes) {
    weights_[name] = std::move(bytes);
  }
  void addFloats(const std::string &name, const std::vector<float> &values);

  mlir::ModuleOp module() { return *module_; }

  // The module in a new interpreter, with this program's weights.
  template <class Real>
  Interpreter<Real> interpreter(InterpreterOptions options = {}) {
    return Interpreter<Real>(*module_, source(), options);
  }

  // How often the weights' bytes were asked for.
  int reads() const { return reads_; }

private:
  WeightSource source();

  mlir::MLIRContext context_;
  mlir::OwningOpRef<mlir::ModuleOp> module_;
  std::map<std::string, std::vector<uint8_t>> weights_;
  int reads_ = 0;
};

// The data of the only result, which must be a tensor; fails the test if the call does.
template <class Real>
std::vector<Real> run(Interpreter<Real> &interpreter, llvm::StringRef function,
                      std::vector<InterpreterValue<Real>> arguments) {
  auto results = interpreter.call(function, std::move(arguments));
  EXPECT_TRUE(results.ok()) << results.status();
  if (!results.ok() || results->size() != 1)
    return {};
  return std::get<TensorRef<Real>>((*results)[0])->data;
}

inline InterpreterValue<double> rows(int64_t count, std::vector<double> data) {
  int64_t columns = static_cast<int64_t>(data.size()) / count;
  return makeTensor<double>({count, columns}, std::move(data));
}

void expectNear(const std::vector<double> &is, const std::vector<double> &expected,
                double tolerance = 1e-12);

} // namespace llmc

#endif
