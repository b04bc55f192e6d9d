#include "compiler/PhaseDump/WeightNames.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "dialects/kernel/IR/KernelDialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace llmc {

WeightNames::WeightNames(ModuleOp module) {
  SymbolTable table(module);
  module.walk([&](Operation *op) {
    if (auto get = dyn_cast<llm::GetWeightOp>(op))
      weights_[get] = table.lookup<llm::WeightOp>(get.getWeight());
    if (auto get = dyn_cast<kernel::GetWeightOp>(op))
      weights_[get] = table.lookup<llm::WeightOp>(get.getWeight());
    auto layers = dyn_cast<llm::LayersOp>(op);
    if (!layers)
      return;
    for (auto [block, families] : llvm::zip(layers.getBlocks(), layers.getWeights())) {
      auto function = table.lookup<func::FuncOp>(cast<FlatSymbolRefAttr>(block).getValue());
      unsigned next = function.getNumArguments() - cast<ArrayAttr>(families).size();
      for (auto family : cast<ArrayAttr>(families).getAsRange<FlatSymbolRefAttr>())
        weights_[function.getArgument(next++)] = table.lookup<llm::WeightOp>(family.getValue());
    }
  });
}

llm::WeightOp WeightNames::find(Value value) const { return weights_.lookup(value); }

SmallVector<llm::WeightOp> WeightNames::readBy(Operation *op) const {
  SmallVector<llm::WeightOp> read;
  for (Value operand : op->getOperands())
    if (llm::WeightOp weight = find(operand))
      read.push_back(weight);
  return read;
}

// "attn_q" of "blk.{layer}.attn_q.weight"
static std::string shortName(llm::WeightOp weight) {
  absl::string_view name(weight.getSource().data(), weight.getSource().size());
  absl::ConsumePrefix(&name, "blk.{layer}.");
  absl::ConsumeSuffix(&name, ".weight");
  return std::string(name);
}

std::string WeightNames::describe(Operation *op) const {
  auto weightsOf = [&](Operation *of) {
    std::vector<std::string> names;
    for (llm::WeightOp weight : readBy(of))
      names.push_back(shortName(weight));
    return absl::StrJoin(names, ", ");
  };
  std::string name = op->getName().stripDialect().str();
  if (std::string own = weightsOf(op); !own.empty())
    return absl::StrCat(name, " ", own);
  std::vector<std::string> names;
  for (Value operand : op->getOperands())
    if (Operation *producer = operand.getDefiningOp())
      if (std::string own = weightsOf(producer); !own.empty())
        names.push_back(own);
  return names.empty() ? name : absl::StrCat(name, " of ", absl::StrJoin(names, ", "));
}

static const BlockFormat *formatOf(llm::WeightOp weight) {
  return llm::getBlockFormat(cast<RankedTensorType>(weight.getType()).getElementType());
}

std::string formatName(llm::WeightOp weight) {
  const BlockFormat *format = formatOf(weight);
  return format ? format->name : "";
}

uint64_t fileBytes(llm::WeightOp weight) {
  const BlockFormat *format = formatOf(weight);
  auto type = cast<RankedTensorType>(weight.getType());
  if (!format || type.getRank() == 0)
    return 0;
  const uint64_t rows = type.getRank() == 1 ? 1 : type.getDimSize(0);
  return rows * format->rowBytes(type.getShape().back());
}

} // namespace llmc
