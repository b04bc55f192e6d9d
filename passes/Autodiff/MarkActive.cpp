#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Autodiff/AutodiffPasses.h"

using namespace mlir;
using namespace llmc::llm;

namespace llmc {
#define GEN_PASS_DEF_MARKACTIVE
#include "passes/Autodiff/AutodiffPasses.h.inc"

namespace {

// Whether derivatives by values of this type exist. Frozen weights in blocks are none.
bool isContinuous(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.getElementType().isF32();
}

bool isContinuous(Value v) { return isContinuous(v.getType()); }

struct MarkActive : impl::MarkActiveBase<MarkActive> {
  void runOnOperation() override {
    marked.clear();
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (!function->hasAttr(kDifferentiateAttrName))
        continue;
      if (failed(mark(function, {})))
        return signalPassFailure();
    }
  }

  // Whether any layer of `layers` has a parameter.
  bool isTrained(LayersOp layers) {
    SymbolTableCollection symbols;
    return llvm::any_of(layers.getSchedule(), [&](int32_t block) {
      return llvm::any_of(cast<ArrayAttr>(layers.getWeights()[block]), [&](Attribute family) {
        return lookupFamily(layers, family, symbols).trained;
      });
    });
  }

  // Marks the operations of `function`, whose parameters `seeds` depend on parameters of training.
  LogicalResult mark(func::FuncOp function, ArrayRef<unsigned> seeds) {
    if (function.isExternal())
      return function.emitError() << "@" << function.getName()
                                  << " has no body, so it cannot be differentiated";
    if (!llvm::hasSingleElement(function.getBody()))
      return function.emitError() << "@" << function.getName()
                                  << " has branches, so it cannot be differentiated";
    DenseSet<Value> varied, useful;
    for (unsigned seed : seeds)
      varied.insert(function.getArgument(seed));
    for (Operation &op : function.front().without_terminator()) {
      bool depends = isa<GetParameterOp>(op) ||
                     llvm::any_of(op.getOperands(), [&](Value v) { return varied.contains(v); });
      if (auto layers = dyn_cast<LayersOp>(op))
        depends |= isTrained(layers);
      if (depends && !op.hasTrait<StopsGradient>())
        for (Value result :
             llvm::make_filter_range(op.getResults(), [](Value v) { return isContinuous(v); }))
          varied.insert(result);
    }
    for (Value result : function.front().getTerminator()->getOperands())
      useful.insert(result);
    for (Operation &op : llvm::reverse(function.front().without_terminator()))
      if (llvm::any_of(op.getResults(), [&](Value v) { return useful.contains(v); }))
        useful.insert(op.operand_begin(), op.operand_end());

    auto isActive = [&](Value v) { return varied.contains(v) && useful.contains(v); };
    bool any = false;
    for (BlockArgument argument : function.getArguments())
      if (isActive(argument)) {
        function.setArgAttr(argument.getArgNumber(), kActiveAttrName, UnitAttr::get(&getContext()));
        any = true;
      }
    for (Operation &op : function.front().without_terminator()) {
      if (failed(checkMemory(&op, varied)))
        return failure();
      if (!llvm::any_of(op.getResults(), isActive))
        continue;
      any = true;
      if (failed(checkRule(&op, isActive)))
        return failure();
      op.setAttr(kActiveAttrName, UnitAttr::get(&getContext()));
      if (auto layers = dyn_cast<LayersOp>(op); layers && failed(markBlocks(layers)))
        return failure();
    }
    if (!any)
      return function.emitError() << "the results of @" << function.getName()
                                  << " depend on no parameter; there is nothing to train";
    return success();
  }

  LogicalResult markBlocks(LayersOp layers) {
    SymbolTableCollection symbols;
    for (auto [block, families] : llvm::zip(layers.getBlocks(), layers.getWeights())) {
      auto function =
          symbols.lookupNearestSymbolFrom<func::FuncOp>(layers, cast<FlatSymbolRefAttr>(block));
      if (!marked.insert(function).second)
        continue;
      SmallVector<unsigned> seeds{0};
      unsigned parameter = function.getNumArguments() - cast<ArrayAttr>(families).size();
      for (Attribute family : cast<ArrayAttr>(families)) {
        if (lookupFamily(layers, family, symbols).trained)
          seeds.push_back(parameter);
        ++parameter;
      }
      if (failed(mark(function, seeds)))
        return failure();
    }
    return success();
  }

  // Values that depend on a parameter must not go where no result tells of them.
  LogicalResult checkMemory(Operation *op, const DenseSet<Value> &varied) {
    if (isMemoryEffectFree(op) || isa<Differentiable>(op) ||
        llvm::none_of(op->getOperands(), [&](Value v) { return varied.contains(v); }))
      return success();
    return op->emitOpError()
           << "keeps in memory what depends on a parameter, and the derivative by "
              "it would get lost; build the program without state, as with "
           << CausalAttentionOp::getOperationName();
  }

  LogicalResult checkRule(Operation *op, function_ref<bool(Value)> isActive) {
    if (isa<GetParameterOp>(op))
      return success();
    auto rule = dyn_cast<Differentiable>(op);
    if (!rule)
      return op->emitOpError() << "is between a parameter and the result, but has no derivative; "
                                  "build the program from operations that have the interface "
                                  "Differentiable, and fuse it afterwards";
    for (OpOperand &operand : op->getOpOperands())
      if (isActive(operand.get()) && !rule.isDifferentiableBy(operand.getOperandNumber()))
        return op->emitOpError() << "has no derivative by operand " << operand.getOperandNumber()
                                 << ", which depends on a parameter; make it a weight";
    for (OpResult result : op->getResults().drop_front())
      if (isActive(result))
        return op->emitOpError() << "has no derivative through result " << result.getResultNumber()
                                 << "; only the first may be used";
    return success();
  }

  DenseSet<Operation *> marked; // blocks
};

} // namespace
} // namespace llmc
