#include "tools/llmc-reduce/Edits.h"
#include "dialects/llm/IR/LlmDialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace llmc {
namespace {

// Finds edit `left` of the module and applies it.
class Editor {
public:
  Editor(ModuleOp module, size_t number) : module(module), left(number) {}

  bool run() {
    // The largest steps first.
    for (auto function : llvm::make_early_inc_range(module.getOps<func::FuncOp>()))
      if (!function.isPrivate() && isChosen())
        return function.erase(), true;
    for (auto function : module.getOps<func::FuncOp>())
      if (dropResult(function))
        return true;
    SmallVector<Operation *> ops;
    module.walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (isa_and_nonnull<llm::LlmDialect>(op->getDialect()) && op->getParentOp() != module)
        ops.push_back(op);
    });
    // From the end, so that what an operation reads can go after it.
    for (Operation *op : llvm::reverse(ops))
      if (replace(op) || dropLayer(op))
        return true;
    return false;
  }

private:
  bool isChosen() { return left-- == 0; }

  bool dropResult(func::FuncOp function) {
    if (function.isPrivate() || function.getNumResults() < 2)
      return false;
    Operation *end = function.front().getTerminator();
    for (unsigned i = 0; i < function.getNumResults(); ++i)
      if (isChosen()) {
        end->eraseOperand(i);
        (void)function.eraseResult(i);
        return true;
      }
    return false;
  }

  // The nearest value before `op` in its block with this type, or null.
  static Value findEarlierValue(Operation *op, Type type) {
    for (Operation *it = op->getPrevNode(); it; it = it->getPrevNode())
      for (Value value : it->getResults())
        if (value.getType() == type)
          return value;
    for (Value argument : op->getBlock()->getArguments())
      if (argument.getType() == type)
        return argument;
    return {};
  }

  bool replace(Operation *op) {
    SmallVector<Value> earlier;
    for (Value result : op->getResults()) {
      earlier.push_back(findEarlierValue(op, result.getType()));
      if (!earlier.back() && !result.use_empty())
        return false;
    }
    if (!isChosen())
      return false;
    for (auto [result, value] : llvm::zip(op->getResults(), earlier))
      if (value)
        result.replaceAllUsesWith(value);
    op->erase();
    return true;
  }

  // The last layer goes, with its tensor of each family.
  bool dropLayer(Operation *op) {
    auto layers = dyn_cast<llm::LayersOp>(op);
    if (!layers || layers.getSchedule().empty() || !layers.getSaved().empty() || !isChosen())
      return false;
    const int32_t layer = layers.getSchedule().size() - 1, block = layers.getSchedule().back();
    for (Attribute symbol : cast<ArrayAttr>(layers.getWeights()[block]))
      if (auto weight = module.lookupSymbol<llm::WeightOp>(cast<FlatSymbolRefAttr>(symbol)))
        if (weight.getLayers() && weight.getLayers()->size() > 1)
          weight.setLayersAttr(
              DenseI32ArrayAttr::get(op->getContext(), weight.getLayers()->drop_back()));
    layers.setScheduleAttr(
        DenseI32ArrayAttr::get(op->getContext(), layers.getSchedule().take_front(layer)));
    return true;
  }

  ModuleOp module;
  size_t left;
};

// Parameters of blocks for weights that they do not use.
bool dropUnusedWeights(ModuleOp module) {
  bool changed = false;
  module.walk([&](llm::LayersOp layers) {
    SmallVector<Attribute> lists;
    for (auto [block, families] : llvm::zip(layers.getBlocks(), layers.getWeights())) {
      SmallVector<Attribute> kept(cast<ArrayAttr>(families).getValue());
      auto function = module.lookupSymbol<func::FuncOp>(cast<FlatSymbolRefAttr>(block));
      for (size_t i = kept.size(); function && i-- > 0;) {
        const unsigned at = function.getNumArguments() - kept.size() + i;
        if (!function.getArgument(at).use_empty())
          continue;
        (void)function.eraseArgument(at);
        kept.erase(kept.begin() + i);
        changed = true;
      }
      lists.push_back(ArrayAttr::get(module.getContext(), kept));
    }
    layers.setWeightsAttr(ArrayAttr::get(module.getContext(), lists));
  });
  return changed;
}

bool eraseDead(ModuleOp module) {
  SmallVector<Operation *> dead;
  module.walk([&](Operation *op) {
    auto symbol = dyn_cast<SymbolOpInterface>(op);
    const bool isDeclaration = isa<llm::WeightOp, llm::StateOp, llm::ParameterOp>(op) ||
                               (isa<func::FuncOp>(op) && symbol.isPrivate());
    if (isDeclaration ? SymbolTable::symbolKnownUseEmpty(op, module) : isOpTriviallyDead(op))
      dead.push_back(op);
  });
  for (Operation *op : llvm::reverse(dead))
    op->erase();
  return !dead.empty();
}

} // namespace

bool applyEdit(ModuleOp module, size_t number) {
  if (!Editor(module, number).run())
    return false;
  while (eraseDead(module) || dropUnusedWeights(module)) {
  }
  return true;
}

} // namespace llmc
