#include "tools/llmc-smith/Inputs.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "dialects/llm/IR/LlmDialect.h"
#include "tools/llmc-smith/Body.h"
#include <cmath>

using namespace mlir;

namespace llmc::smith {
namespace {

// A seed for each thing that has a name (FNV-1a).
uint32_t seedOf(uint32_t seed, absl::string_view name) {
  uint32_t hash = 2166136261u ^ (seed * 2654435761u);
  for (char c : name)
    hash = (hash ^ static_cast<uint8_t>(c)) * 16777619u;
  return hash;
}

} // namespace

Plan makePlan(ModuleOp module, uint32_t seed) {
  Random random(seedOf(seed, "plan"));
  int64_t sequence = 0;
  module.walk([&](llm::RopeTableOp table) { sequence = table.getSequence(); });
  module.walk([&](llm::CausalAttentionOp attention) { sequence = attention.getSequence(); });
  if (sequence) {
    const int64_t batch = 1 + random.bits() % 3;
    return {sequence * batch, 16, {{0, sequence}, {-1, sequence * batch}}};
  }
  Plan plan{pick(random, {1, 4, 9, 17, 24, 40}), 0, {}};
  int64_t end = 0;
  for (int64_t i = pick(random, {2, 3, 4}); i > 0; --i) {
    const int64_t rows =
        !plan.steps.empty() && chance(random, 0.4) ? 1 : 1 + random.bits() % plan.maxRows;
    // Now and then back, as when a conversation is taken up again before its end.
    const int64_t start = chance(random, 0.1) ? random.bits() % (end + 1) : end;
    plan.steps.push_back({start, rows});
    end = std::max(end, start + rows);
  }
  // Blocks of 64 positions are read whole, as sessions have them.
  plan.capacity = (end + 63) / 64 * 64 + pick(random, {0, 64});
  return plan;
}

Numbers::Numbers(ModuleOp module, uint32_t seed) {
  for (auto weight : module.getOps<llm::WeightOp>()) {
    auto type = cast<RankedTensorType>(weight.getType());
    const int64_t columns = type.getRank() > 1 ? type.getShape().back() : 1;
    const int64_t rows = type.getNumElements() / columns + weight.getFirstRow().value_or(0);
    const BlockFormat &format = *llm::getBlockFormat(type.getElementType());
    for (int64_t i = 0; i < weight.getCount(); ++i) {
      const std::string name = weight.getSourceName(i);
      // Of a tensor of several weights, as much as the last one needs.
      std::vector<uint8_t> &bytes = weights[name];
      if (bytes.size() >= rows * format.rowBytes(columns))
        continue;
      Random random(seedOf(seed, name));
      bytes = type.getRank() > 1                ? randomMatrix(format, rows, columns, random)
              : absl::StrContains(name, "bias") ? randomVector(rows, -1, 1, random)
                                                : randomVector(rows, 0.5, 1.5, random);
    }
  }
  for (auto parameter : module.getOps<llm::ParameterOp>()) {
    auto type = cast<RankedTensorType>(parameter.getType());
    for (int64_t i = 0; i < parameter.getCount(); ++i) {
      const std::string name = parameter.getSourceName(i);
      Random random(seedOf(seed, name));
      const double size = 1 / std::sqrt(double(type.getDimSize(1)));
      for (int64_t e = 0; e < type.getNumElements(); ++e)
        parameters[name].push_back(static_cast<float>(random.uniform(-size, size)));
    }
  }
}

WeightSource Numbers::weightSource() const {
  return [this](absl::string_view name) -> absl::StatusOr<std::span<const uint8_t>> {
    return std::span<const uint8_t>(weights.at(std::string(name)));
  };
}

void Numbers::setParameters(Interpreter<double> &interpreter) const {
  for (const auto &[name, values] : parameters)
    (*interpreter.parameter(name))->value.data.assign(values.begin(), values.end());
}

std::vector<TensorValue<double>> Numbers::gradientsOf(Interpreter<double> &interpreter) const {
  std::vector<TensorValue<double>> gradients;
  for (const auto &[name, values] : parameters)
    gradients.push_back((*interpreter.parameter(name))->gradient);
  return gradients;
}

std::vector<func::FuncOp> entryFunctions(ModuleOp module) {
  std::vector<func::FuncOp> functions;
  for (auto function : module.getOps<func::FuncOp>())
    if (!function.isPrivate())
      functions.push_back(function);
  return functions;
}

ArgumentMaker::ArgumentMaker(ModuleOp module, uint32_t seed) : seed_(seed), vocabulary_(1 << 20) {
  module.walk([&](llm::EmbedOp embed) {
    auto type = cast<RankedTensorType>(embed.getWeight().getType());
    vocabulary_ = std::min(vocabulary_, type.getDimSize(0));
  });
}

absl::StatusOr<Arguments> ArgumentMaker::make(func::FuncOp function, size_t step,
                                              const Step &where) const {
  Random random(seedOf(seed_, absl::StrCat(function.getName().str(), step)));
  Arguments arguments;
  for (BlockArgument argument : function.getArguments()) {
    Type type = argument.getType();
    auto tensor = dyn_cast<RankedTensorType>(type);
    const bool isTarget = llvm::none_of(argument.getUsers(), [](Operation *user) {
      return isa<llm::EmbedOp, llm::EmbedAdjointOp>(user);
    });
    if (type.isIndex()) {
      arguments.push_back(where.start);
    } else if (tensor && tensor.getRank() == 1 && tensor.getElementType().isInteger(32)) {
      std::vector<int32_t> tokens(where.rows);
      for (int32_t &token : tokens)
        token = isTarget && chance(random, 0.2) ? -1
                                                : static_cast<int32_t>(random.bits() % vocabulary_);
      arguments.push_back(std::move(tokens));
    } else if (tensor && tensor.getRank() == 2 && tensor.isDynamicDim(0)) {
      auto known = results_.find(tensor.getDimSize(1));
      arguments.push_back(known != results_.end()
                              ? known->second
                              : randomRows(where.rows, tensor.getDimSize(1), random));
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat("@", function.getName().str(),
                       " has a parameter that is neither tokens nor an index nor rows"));
    }
  }
  return arguments;
}

void ArgumentMaker::addResults(const std::vector<Rows> &results) {
  for (const Rows &rows : results)
    if (rows.width > 1) // losses are no input
      results_[rows.width] = rows;
}

} // namespace llmc::smith
