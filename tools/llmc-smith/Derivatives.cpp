#include "tools/llmc-smith/Derivatives.h"
#include "absl/strings/str_cat.h"
#include "compiler/Check/RandomData.h"
#include "compiler/Interpreter/Status.h"
#include <cmath>

using namespace mlir;

namespace llmc::smith {
namespace {

// Differences of f64 lose some 1e-16 / kDistance, and kDistance squared times a third derivative.
constexpr double kDistance = 1e-5, kTolerance = 1e-5;

using Direction = std::map<std::string, std::vector<double>>;

// The sum of all results, each row weighted, at a distance from the parameters.
absl::StatusOr<double> lossAt(Interpreter<double> &interpreter, const std::string &function,
                              const Arguments &arguments, const Rows &weights,
                              const Numbers &numbers, const Direction &direction, double distance) {
  for (const auto &[name, values] : numbers.parameters) {
    LLMC_ASSIGN_OR_RETURN(Parameter<double> * parameter, interpreter.parameter(name));
    for (size_t i = 0; i < values.size(); ++i)
      parameter->value.data[i] = values[i] + distance * direction.at(name)[i];
  }
  LLMC_ASSIGN_OR_RETURN(auto results,
                        interpreter.call(function, interpreterArguments<double>(arguments)));
  double sum = 0;
  const TensorValue<double> &losses = *std::get<TensorRef<double>>(results[0]);
  for (size_t i = 0; i < losses.data.size(); ++i)
    sum += losses.data[i] * weights.data[i];
  return sum;
}

absl::Status checkFunction(ModuleOp module, const std::string &name, const Numbers &numbers,
                           const Step &step, uint32_t seed) {
  Random random(seed);
  auto function = module.lookupSymbol<func::FuncOp>(name);
  LLMC_ASSIGN_OR_RETURN(Arguments arguments, ArgumentMaker(module, seed).make(function, 0, step));
  const Rows weights = randomRows(step.rows, 1, random);
  Direction direction;
  for (const auto &[parameter, values] : numbers.parameters)
    for (size_t i = 0; i < values.size(); ++i)
      direction[parameter].push_back(random.uniform(-1, 1));

  Interpreter<double> interpreter(module, numbers.weightSource());
  auto at = [&](double distance) {
    return lossAt(interpreter, name, arguments, weights, numbers, direction, distance);
  };
  LLMC_ASSIGN_OR_RETURN(double above, at(kDistance));
  LLMC_ASSIGN_OR_RETURN(double below, at(-kDistance));
  const double expected = (above - below) / (2 * kDistance);

  numbers.setParameters(interpreter);
  arguments.push_back(weights);
  LLMC_RETURN_IF_ERROR(
      interpreter.call(name + ".gradient", interpreterArguments<double>(arguments)).status());
  double is = 0, size = 0;
  std::vector<TensorValue<double>> gradients = numbers.gradientsOf(interpreter);
  for (auto [gradient, along] : llvm::zip(gradients, direction))
    for (size_t i = 0; i < gradient.data.size(); ++i) {
      is += gradient.data[i] * along.second[i];
      size += std::abs(gradient.data[i] * along.second[i]);
    }
  if (std::abs(is - expected) <= kTolerance * (size + 1e-3))
    return absl::OkStatus();
  return absl::InternalError(absl::StrCat("@", name, ".gradient along a direction is ", is,
                                          ", differences of the loss say ", expected));
}

} // namespace

absl::Status checkDerivatives(ModuleOp module, const Numbers &numbers, const Step &step,
                              uint32_t seed) {
  for (func::FuncOp function : entryFunctions(module)) {
    const std::string name = function.getName().str();
    if (module.lookupSymbol(name + ".gradient"))
      LLMC_RETURN_IF_ERROR(checkFunction(module, name, numbers, step, seed));
  }
  return absl::OkStatus();
}

} // namespace llmc::smith
