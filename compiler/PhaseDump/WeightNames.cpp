#include "compiler/PhaseDump/WeightNames.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "dialects/kernel/IR/KernelDialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/SetVector.h"

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
      parameters_[function.getArgument(0)] = "hidden state";
      parameters_[function.getArgument(1)] = "layer";
      for (auto [i, shared] : llvm::enumerate(layers.getShared()))
        if (Operation *producer = shared.getDefiningOp())
          parameters_[function.getArgument(2 + i)] = producer->getName().stripDialect().str();
      unsigned next = function.getNumArguments() - cast<ArrayAttr>(families).size();
      for (auto family : cast<ArrayAttr>(families).getAsRange<FlatSymbolRefAttr>())
        weights_[function.getArgument(next++)] = table.lookup<llm::WeightOp>(family.getValue());
    }
  });
}

std::string WeightNames::describe(BlockArgument parameter) const {
  if (isa<llm::KvCacheType>(parameter.getType()))
    return "kv cache";
  std::string name = parameters_.lookup(parameter);
  return name.empty() ? absl::StrCat("%arg", parameter.getArgNumber()) : name;
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

// The names of the matrices whose products reach `op`, through operations without any.
static void findMatrices(const WeightNames &names, Operation *op,
                         llvm::SetVector<Operation *> &seen, std::vector<std::string> &found) {
  for (Value operand : op->getOperands()) {
    Operation *producer = operand.getDefiningOp();
    if (!producer || !seen.insert(producer))
      continue;
    bool has = false;
    for (llm::WeightOp weight : names.readBy(producer)) {
      has = true;
      if (cast<RankedTensorType>(weight.getType()).getRank() >= 2)
        found.push_back(shortName(weight));
    }
    if (!has)
      findMatrices(names, producer, seen, found);
  }
}

std::string WeightNames::describe(Operation *op) const {
  std::string name = op->getName().stripDialect().str();
  std::vector<std::string> own, reaching;
  for (llm::WeightOp weight : readBy(op))
    own.push_back(shortName(weight));
  if (!own.empty())
    return absl::StrCat(name, " ", absl::StrJoin(own, ", "));
  llvm::SetVector<Operation *> seen;
  findMatrices(*this, op, seen, reaching);
  return reaching.empty() ? name : absl::StrCat(name, " of ", absl::StrJoin(reaching, ", "));
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
  uint64_t rows = 1;
  for (int64_t size : type.getShape().drop_back())
    rows *= size;
  return rows * format->rowBytes(type.getShape().back());
}

} // namespace llmc
