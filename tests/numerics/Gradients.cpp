#include "tests/numerics/Gradients.h"
#include "mlir/Pass/PassManager.h"
#include <random>

namespace llmc {
namespace {

double uniform(std::mt19937 &random) { return random() / 2147483648.0 - 1; }

std::vector<std::string> sources(Interpreter<double> &interpreter) {
  std::vector<std::string> names;
  for (auto symbol : interpreter.module().getOps<llm::ParameterOp>())
    for (int64_t i = 0; i < symbol.getCount(); ++i)
      names.push_back(symbol.getSourceName(i));
  return names;
}

// One for each result, of its shape.
std::vector<TensorRef<double>> weightsOf(const std::vector<InterpreterValue<double>> &results) {
  std::mt19937 random(77);
  std::vector<TensorRef<double>> weights;
  for (const InterpreterValue<double> &result : results) {
    TensorValue<double> weight = *std::get<TensorRef<double>>(result);
    for (double &x : weight.data)
      x = uniform(random);
    weights.push_back(std::make_shared<const TensorValue<double>>(std::move(weight)));
  }
  return weights;
}

std::vector<InterpreterValue<double>> call(Interpreter<double> &interpreter,
                                           llvm::StringRef function,
                                           std::vector<InterpreterValue<double>> arguments) {
  auto results = interpreter.call(function, std::move(arguments));
  EXPECT_TRUE(results.ok()) << results.status();
  return results.ok() ? *results : std::vector<InterpreterValue<double>>();
}

double weightedSum(Interpreter<double> &interpreter,
                   const std::vector<InterpreterValue<double>> &arguments) {
  auto results = call(interpreter, "f", arguments);
  std::vector<TensorRef<double>> weights = weightsOf(results);
  double sum = 0;
  for (size_t i = 0; i < results.size(); ++i)
    for (size_t k = 0; k < weights[i]->data.size(); ++k)
      sum += weights[i]->data[k] * std::get<TensorRef<double>>(results[i])->data[k];
  return sum;
}

} // namespace

void differentiate(mlir::ModuleOp module, const SaveActivationsOptions &options) {
  mlir::PassManager pm(module.getContext());
  buildAutodiffPipeline(pm, options);
  ASSERT_TRUE(mlir::succeeded(pm.run(module)));
}

void setParameters(Interpreter<double> &interpreter) {
  std::mt19937 random(5);
  for (const std::string &name : sources(interpreter))
    for (double &x : (*interpreter.parameter(name))->value.data)
      x = uniform(random);
}

std::vector<double> gradients(Interpreter<double> &interpreter,
                              std::vector<InterpreterValue<double>> arguments) {
  auto results = call(interpreter, "f", arguments);
  for (const TensorRef<double> &weight : weightsOf(results))
    arguments.push_back(weight);
  auto again = call(interpreter, "f.gradient", arguments);
  EXPECT_EQ(again.size(), results.size());
  for (size_t i = 0; i < again.size(); ++i)
    EXPECT_EQ(std::get<TensorRef<double>>(again[i])->data,
              std::get<TensorRef<double>>(results[i])->data);
  std::vector<double> all;
  for (const std::string &name : sources(interpreter)) {
    std::vector<double> &gradient = (*interpreter.parameter(name))->gradient.data;
    all.insert(all.end(), gradient.begin(), gradient.end());
    std::ranges::fill(gradient, 0);
  }
  return all;
}

void checkGradients(TestProgram &program, std::vector<InterpreterValue<double>> arguments,
                    const SaveActivationsOptions &options) {
  differentiate(program.module(), options);
  auto interpreter = program.interpreter<double>();
  setParameters(interpreter);
  std::vector<double> computed = gradients(interpreter, arguments);
  constexpr double kStep = 1e-5, kTolerance = 2e-8;
  size_t next = 0;
  double largest = 0;
  for (const std::string &name : sources(interpreter)) {
    std::vector<double> &value = (*interpreter.parameter(name))->value.data;
    for (size_t i = 0; i < value.size(); ++i) {
      double exact = value[i];
      value[i] = exact + kStep;
      double above = weightedSum(interpreter, arguments);
      value[i] = exact - kStep;
      double below = weightedSum(interpreter, arguments);
      value[i] = exact;
      double expected = (above - below) / (2 * kStep);
      largest = std::max(largest, std::abs(expected));
      EXPECT_NEAR(computed[next++], expected, kTolerance * std::max(1.0, std::abs(expected)))
          << name << " at " << i;
    }
  }
  EXPECT_GT(largest, 0.01) << "nothing depends on the parameters";
}

} // namespace llmc
