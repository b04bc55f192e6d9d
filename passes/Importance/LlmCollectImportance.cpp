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
    llvm::MapVector<Value, SetVector<Attribute>> weights; // by input
    function.walk([&](LinearOp linear) {
      FlatSymbolRefAttr symbol = blocks.parameters.lookup(linear.getWeight());
      if (auto get = linear.getWeight().getDefiningOp<GetWeightOp>())
        symbol = get.getWeightAttr();
      if (symbol) // else a parameter of a function that somebody calls: it has no name
        weights[linear.getInput()].insert(symbol);
    });
    for (auto &[input, names] : weights)
      measure(input, names.getArrayRef(), function, layers, symbols);
  }

  void measure(Value input, ArrayRef<Attribute> weights, func::FuncOp function, int64_t layers,
               SymbolTable &symbols) {
    Location loc = input.getLoc();
    OpBuilder b(function);
    auto type = ColumnSumsType::get(&getContext(), std::max<int64_t>(layers, 1), getWidth(input));
    auto state = StateOp::create(b, loc, "importance.0", type, b.getArrayAttr(weights));
    StringAttr name = uniqueName(symbols);
    state.setSymName(name);
    symbols.insert(state, Block::iterator(function));
    b.setInsertionPointAfterValue(input);
    Value layer =
        layers ? Value(function.getArgument(1)) : arith::ConstantIndexOp::create(b, loc, 0);
    Value sums = GetStateOp::create(b, loc, type, name);
    SumSquaresOp::create(b, loc, input, sums, layer);
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
