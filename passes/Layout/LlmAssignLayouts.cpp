#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Layout/LayoutPasses.h"

using namespace mlir;

namespace llmc::llm {

#define GEN_PASS_DEF_LLMASSIGNLAYOUTS
#include "passes/Layout/LayoutPasses.h.inc"

namespace {

bool multiplies(OpOperand &use) {
  if (auto linear = dyn_cast<LinearOp>(use.getOwner()))
    return use.get() == linear.getWeight();
  if (auto linear = dyn_cast<LinearTransposedOp>(use.getOwner()))
    return use.get() == linear.getWeight();
  if (auto loss = dyn_cast<LinearCrossEntropyOp>(use.getOwner()))
    return use.get() == loss.getWeight();
  if (auto loss = dyn_cast<LinearCrossEntropyAdjointOp>(use.getOwner()))
    return use.get() == loss.getWeight();
  if (auto norms = dyn_cast<RowNormsOp>(use.getOwner()))
    return use.get() == norms.getWeight();
  if (auto experts = dyn_cast<ExpertLinearOp>(use.getOwner()))
    return use.get() == experts.getWeight();
  if (auto experts = dyn_cast<ExpertSwigluOp>(use.getOwner()))
    return use.get() == experts.getGate() || use.get() == experts.getUp();
  if (auto fused = dyn_cast<FusedLinearOp>(use.getOwner()))
    return llvm::is_contained(fused.getWeights(), use.get());
  return false;
}

class LlmAssignLayouts : public impl::LlmAssignLayoutsBase<LlmAssignLayouts> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    SymbolTable symbols(module);
    // Every value that carries a weight or a parameter, by symbol.
    llvm::MapVector<Operation *, SmallVector<Value>> values;
    module.walk([&](GetWeightOp get) {
      values[symbols.lookup(get.getWeight())].push_back(get.getResult());
    });
    module.walk([&](GetParameterOp get) {
      values[symbols.lookup(get.getParameter())].push_back(get.getResult());
    });
    auto addBlocks = [&](auto layers) {
      for (auto [block, families] : llvm::zip(layers.getBlocks(), layers.getWeights())) {
        auto function = symbols.lookup<func::FuncOp>(cast<FlatSymbolRefAttr>(block).getValue());
        unsigned parameter = function.getNumArguments() - cast<ArrayAttr>(families).size();
        for (Attribute family : cast<ArrayAttr>(families)) {
          BlockArgument carrier = function.getArgument(parameter++);
          auto name = cast<FlatSymbolRefAttr>(family).getValue();
          values[symbols.lookup(name)].push_back(carrier);
        }
      }
    };
    module.walk([&](LayersOp layers) { addBlocks(layers); });
    module.walk([&](LayersAdjointOp layers) { addBlocks(layers); });
    auto packed = PackedAttr::get(&getContext(), 16);
    // And the derivatives by parameters.
    llvm::DenseMap<Operation *, SmallVector<Value>> derivatives;
    module.walk([&](AccumulateGradientOp add) {
      derivatives[symbols.lookup(add.getParameter())].push_back(add.getValue());
    });
    for (auto &[symbol, carriers] : values) {
      auto parameter = dyn_cast<ParameterOp>(symbol);
      auto type =
          cast<RankedTensorType>(parameter ? parameter.getType() : cast<WeightOp>(symbol).getType());
      bool wanted = llvm::any_of(carriers, [&](Value v) {
        return llvm::any_of(v.getUses(), [&](OpOperand &use) {
          return multiplies(use) || (parameter && isa<EmbedOp>(use.getOwner()));
        });
      });
      if (!wanted || type.getEncoding())
        continue;
      auto encoded = RankedTensorType::get(type.getShape(), type.getElementType(), packed);
      if (parameter)
        parameter.setType(encoded);
      else
        cast<WeightOp>(symbol).setType(encoded);
      for (Value v : carriers)
        v.setType(encoded);
      for (Value v : derivatives[symbol])
        v.setType(encoded);
    }
    // Parameters have new types: bring the signatures up to date.
    for (auto function : module.getOps<func::FuncOp>())
      if (!function.isExternal())
        function.setType(FunctionType::get(&getContext(), function.front().getArgumentTypes(),
                                           function.getFunctionType().getResults()));
  }
};

} // namespace
} // namespace llmc::llm
