#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Importance/ImportancePasses.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace llmc::llm {

#define GEN_PASS_DEF_LLMCOLLECTIMPORTANCE
#include "passes/Importance/ImportancePasses.h.inc"

namespace {

// What the llm.layers operations say of the functions they run.
struct Blocks {
  llvm::StringMap<int64_t> layers;               // by function: as many as any schedule has
  DenseMap<Value, FlatSymbolRefAttr> parameters; // that are weights

  explicit Blocks(ModuleOp module) {
    module.walk([&](LayersOp op) {
      for (auto [block, families] : llvm::zip(op.getBlocks(), op.getWeights())) {
        StringRef name = cast<FlatSymbolRefAttr>(block).getValue();
        int64_t &most = layers[name];
        most = std::max<int64_t>(most, op.getSchedule().size());
        auto function = module.lookupSymbol<func::FuncOp>(name);
        if (function.isExternal())
          continue;
        auto symbols = cast<ArrayAttr>(families);
        unsigned parameter = function.getNumArguments() - symbols.size();
        for (Attribute symbol : symbols)
          parameters[function.getArgument(parameter++)] = cast<FlatSymbolRefAttr>(symbol);
      }
    });
  }
};

class LlmCollectImportance : public impl::LlmCollectImportanceBase<LlmCollectImportance> {
public:
  using LlmCollectImportanceBase::LlmCollectImportanceBase;

private:
  void runOnOperation() override {
    ModuleOp module = getOperation();
    SymbolTable symbols(module);
    Blocks blocks(module);
    for (auto function : module.getOps<func::FuncOp>()) {
      auto block = blocks.layers.find(function.getName());
      bool isBlock = block != blocks.layers.end();
      if (!function.isExternal() && (isBlock || output))
        collect(function, isBlock ? block->second : 0, blocks, symbols);
    }
  }

  // `layers` is 0 for a function that is no block.
  void collect(func::FuncOp function, int64_t layers, const Blocks &blocks, SymbolTable &symbols) {
    auto symbolOf = [&](Value weight) {
      FlatSymbolRefAttr symbol = blocks.parameters.lookup(weight);
      if (auto get = weight.getDefiningOp<GetWeightOp>())
        symbol = get.getWeightAttr();
      return symbol; // null for a parameter of a function that somebody calls: it has no name
    };
    llvm::MapVector<Value, SetVector<Attribute>> weights; // by input
    function.walk([&](LinearOp linear) {
      if (FlatSymbolRefAttr symbol = symbolOf(linear.getWeight()))
        weights[linear.getInput()].insert(symbol);
    });
    for (auto &[input, names] : weights)
      measure(input, names.getArrayRef(), function, layers, symbols);
    llvm::MapVector<std::pair<Value, Value>, SmallVector<ExpertLinearOp>> experts; // and by ids
    function.walk([&](ExpertLinearOp linear) {
      if (symbolOf(linear.getWeight()))
        experts[{linear.getInput(), linear.getIds()}].push_back(linear);
    });
    for (auto &[input, linears] : experts) {
      SetVector<Attribute> names;
      for (ExpertLinearOp linear : linears)
        names.insert(symbolOf(linear.getWeight()));
      measureExperts(linears.front(), names.getArrayRef(), function, layers, symbols);
    }
  }

  // Each expert has a row of its own, with the number of its tokens in one column more.
  void measureExperts(ExpertLinearOp first, ArrayRef<Attribute> weights, func::FuncOp function,
                      int64_t layers, SymbolTable &symbols) {
    auto matrices = cast<RankedTensorType>(first.getWeight().getType());
    const int64_t experts = matrices.getDimSize(0);
    auto type = ColumnSumsType::get(&getContext(), std::max<int64_t>(layers, 1) * experts,
                                    matrices.getDimSize(2) + 1);
    OpBuilder b(first);
    auto [sums, layer] = declare(b, first.getLoc(), type, weights, function, layers, symbols);
    ExpertSumSquaresOp::create(b, first.getLoc(), first.getInput(), first.getIds(), sums, layer,
                               experts);
  }

  void measure(Value input, ArrayRef<Attribute> weights, func::FuncOp function, int64_t layers,
               SymbolTable &symbols) {
    auto type = ColumnSumsType::get(&getContext(), std::max<int64_t>(layers, 1), getWidth(input));
    OpBuilder b(&getContext());
    b.setInsertionPointAfterValue(input);
    auto [sums, layer] = declare(b, input.getLoc(), type, weights, function, layers, symbols);
    SumSquaresOp::create(b, input.getLoc(), input, sums, layer);
  }

  // The sums, as a new state, and the layer's number at the builder's place.
  std::pair<Value, Value> declare(OpBuilder &b, Location loc, ColumnSumsType type,
                                  ArrayRef<Attribute> weights, func::FuncOp function,
                                  int64_t layers, SymbolTable &symbols) {
    OpBuilder atFunction(function);
    auto state = StateOp::create(atFunction, loc, "importance.0", type, b.getArrayAttr(weights));
    StringAttr name = uniqueName(symbols);
    state.setSymName(name);
    symbols.insert(state, Block::iterator(function));
    Value layer =
        layers ? Value(function.getArgument(1)) : arith::ConstantIndexOp::create(b, loc, 0);
    return {GetStateOp::create(b, loc, type, name), layer};
  }

  StringAttr uniqueName(SymbolTable &symbols) {
    while (true) {
      std::string name = "importance." + std::to_string(count_++);
      if (!symbols.lookup(name))
        return StringAttr::get(&getContext(), name);
    }
  }

  unsigned count_ = 0;
};

} // namespace
} // namespace llmc::llm
