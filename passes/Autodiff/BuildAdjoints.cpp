#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "passes/Autodiff/AutodiffPasses.h"

using namespace mlir;
using namespace llmc::llm;

namespace llmc {
#define GEN_PASS_DEF_BUILDADJOINTS
#include "passes/Autodiff/AutodiffPasses.h.inc"

namespace {

// Removes the marks of a function and its operations.
void unmark(func::FuncOp function) {
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    function.removeArgAttr(i, kActiveAttrName);
  function.walk([](Operation *op) { op->removeAttr(kActiveAttrName); });
}

// Puts the operations of one function into another, and after them their adjoints.
class Reversal : public AdjointBuilder {
public:
  // `b` is where the operations go.
  Reversal(OpBuilder &b, func::FuncOp from) : AdjointBuilder(b), from(from) {}

  IRMapping primals; // to be filled with the parameters

  // Clones the operations. `number` gives each its number as an attribute.
  void cloneForward(bool number) {
    for (auto [i, op] : llvm::enumerate(from.front().without_terminator())) {
      auto layers = dyn_cast<LayersOp>(op);
      Operation *clone =
          layers && op.hasAttr(kActiveAttrName) ? cloneSaving(layers) : b.clone(op, primals);
      clone->removeAttr(kActiveAttrName);
      if (number)
        clone->setAttr(kPrimalAttrName, b.getI64IntegerAttr(i));
    }
  }

  // Adds to the derivative by an active value of `from`.
  void add(Value value, Value derivative) override {
    if (!isActive(value))
      return;
    if (isParameter(value)) {
      contributions[value].push_back(derivative);
      return;
    }
    Value &sum = adjoints[value];
    sum = sum ? AddOp::create(b, derivative.getLoc(), sum, derivative).getResult() : derivative;
  }

  // Arguments of `from` that are parameters, from this number on.
  unsigned firstParameter = ~0u;
  // Adds to the gradient of a parameter all that was added to the derivative by `value`, one by one:
  // a gradient is where sums of whole matrices are kept.
  void accumulate(Value value, FlatSymbolRefAttr parameter, Value layer) {
    for (Value derivative : contributions.lookup(value))
      AccumulateGradientOp::create(b, value.getLoc(), derivative, parameter, layer);
  }

  LogicalResult reverse() {
    for (Operation &op : llvm::reverse(from.front().without_terminator())) {
      if (auto get = dyn_cast<GetParameterOp>(op)) {
        accumulate(get, get.getParameterAttr(), Value());
        continue;
      }
      if (!op.hasAttr(kActiveAttrName) || !adjoints.lookup(op.getResult(0)))
        continue;
      current = &op;
      cast<Differentiable>(op).buildAdjoint(*this);
    }
    return success(!failed);
  }

  Value primal(Value value) override {
    if (!mayRead(value)) {
      current->emitOpError() << "does not name a value among those to save that its rule reads";
      failed = true;
    }
    return primals.lookup(value);
  }
  Value adjoint(Value result) override { return adjoints.lookup(result); }
  bool isActive(Value value) override {
    if (Operation *op = value.getDefiningOp())
      return op->hasAttr(kActiveAttrName) && value == op->getResult(0);
    return bool(from.getArgAttr(cast<BlockArgument>(value).getArgNumber(), kActiveAttrName));
  }

private:
  bool isParameter(Value value) {
    if (auto argument = dyn_cast<BlockArgument>(value))
      return argument.getArgNumber() >= firstParameter;
    return value.getDefiningOp<GetParameterOp>() != nullptr;
  }

  bool mayRead(Value value) {
    auto rule = cast<Differentiable>(current);
    if (llvm::is_contained(rule.getValuesToSave(), value))
      return true;
    return llvm::any_of(current->getOpOperands(), [&](OpOperand &operand) {
      return operand.get() == value && !rule.isDifferentiableBy(operand.getOperandNumber());
    });
  }

  // The same layers, of blocks that yield their hidden state too.
  Operation *cloneSaving(LayersOp layers) {
    auto hidden = cast<RankedTensorType>(layers.getResult().getType());
    SmallVector<Attribute> blocks;
    SmallVector<Type> saved;
    for (auto [i, block] : llvm::enumerate(layers.getBlocks())) {
      blocks.push_back(FlatSymbolRefAttr::get(
          b.getContext(), (cast<FlatSymbolRefAttr>(block).getValue() + kForwardSuffix).str()));
      saved.push_back(RankedTensorType::get(
          {llvm::count(layers.getSchedule(), i), hidden.getDimSize(0), hidden.getDimSize(1)},
          hidden.getElementType()));
    }
    SmallVector<Value> shared;
    for (Value v : layers.getShared())
      shared.push_back(primals.lookup(v));
    auto clone = LayersOp::create(
        b, layers.getLoc(), hidden, saved, primals.lookup(layers.getHidden()), shared,
        b.getArrayAttr(blocks), layers.getWeightsAttr(), layers.getScheduleAttr());
    primals.map(layers.getResult(), clone.getResult());
    return clone;
  }

  func::FuncOp from;
  DenseMap<Value, Value> adjoints; // by value of `from`, unless that is a parameter
  DenseMap<Value, SmallVector<Value, 1>> contributions; // to the derivatives by parameters
  Operation *current = nullptr;    // whose rule is being applied
  bool failed = false;
};

class BuildAdjoints : public impl::BuildAdjointsBase<BuildAdjoints> {
  void runOnOperation() override {
    done.clear();
    SmallVector<func::FuncOp> functions;
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function->hasAttr(kDifferentiateAttrName))
        functions.push_back(function);
    for (func::FuncOp function : functions)
      if (failed(buildGradient(function)))
        return signalPassFailure();
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (functions.empty())
        break;
      function->removeAttr(kDifferentiateAttrName);
      unmark(function);
    }
  }

  // An empty function behind `from`.
  func::FuncOp beginFunction(func::FuncOp from, StringRef suffix, TypeRange arguments,
                             TypeRange results, OpBuilder &b) {
    b.setInsertionPointAfter(from);
    auto function = func::FuncOp::create(b, from.getLoc(), (from.getName() + suffix).str(),
                                         b.getFunctionType(arguments, results));
    function.setVisibility(from.getVisibility());
    b.setInsertionPointToStart(function.addEntryBlock());
    return function;
  }

  LogicalResult buildGradient(func::FuncOp from) {
    WalkResult blocks = from.walk([&](LayersOp layers) {
      if (layers->hasAttr(kActiveAttrName) && failed(buildBlocks(layers)))
        return WalkResult::interrupt();
      return WalkResult::advance();
    });
    if (blocks.wasInterrupted())
      return failure();
    OpBuilder b(&getContext());
    SmallVector<Type> arguments(from.getArgumentTypes());
    auto end = cast<func::ReturnOp>(from.front().getTerminator());
    for (Type type : from.getResultTypes())
      if (isa<RankedTensorType>(type))
        arguments.push_back(type);
    func::FuncOp to = beginFunction(from, kGradientSuffix, arguments, from.getResultTypes(), b);
    Reversal reversal(b, from);
    for (auto [i, argument] : llvm::enumerate(from.getArguments()))
      reversal.primals.map(argument, to.getArgument(i));
    reversal.cloneForward(/*number=*/false);
    SmallVector<Value> results;
    unsigned next = from.getNumArguments();
    for (Value result : end.getOperands()) {
      results.push_back(reversal.primals.lookup(result));
      if (isa<RankedTensorType>(result.getType()))
        reversal.add(result, to.getArgument(next++));
    }
    if (failed(reversal.reverse()))
      return failure();
    func::ReturnOp::create(b, from.getLoc(), results);
    return success();
  }

  LogicalResult buildBlocks(LayersOp layers) {
    for (auto [block, families] : llvm::zip(layers.getBlocks(), layers.getWeights())) {
      auto function = getOperation().lookupSymbol<func::FuncOp>(cast<FlatSymbolRefAttr>(block));
      if (!done.insert(function).second)
        continue;
      buildForward(function);
      if (failed(buildAdjoint(function, layers, cast<ArrayAttr>(families))))
        return failure();
    }
    return success();
  }

  // The block, which yields its hidden state too.
  void buildForward(func::FuncOp from) {
    OpBuilder b(&getContext());
    Type hidden = from.getArgument(0).getType();
    SmallVector<Type> results(from.getResultTypes());
    results.push_back(hidden);
    func::FuncOp to = beginFunction(from, kForwardSuffix, from.getArgumentTypes(), results, b);
    IRMapping mapping;
    for (auto [a, c] : llvm::zip(from.getArguments(), to.getArguments()))
      mapping.map(a, c);
    for (Operation &op : from.front())
      b.clone(op, mapping);
    unmark(to);
    to.front().getTerminator()->insertOperands(1, to.getArgument(0));
  }

  LogicalResult buildAdjoint(func::FuncOp from, LayersOp layers, ArrayAttr families) {
    OpBuilder b(&getContext());
    // The hidden state that was saved stands before the weights.
    const unsigned weights = from.getNumArguments() - families.size();
    SmallVector<Type> arguments(from.getArgumentTypes());
    Type hidden = arguments[0];
    arguments.insert(arguments.begin() + weights, hidden);
    func::FuncOp to = beginFunction(from, kAdjointSuffix, arguments, hidden, b);
    Reversal reversal(b, from);
    reversal.firstParameter = weights;
    for (BlockArgument argument : from.getArguments()) {
      unsigned i = argument.getArgNumber();
      reversal.primals.map(argument, to.getArgument(i == 0 ? weights : i < weights ? i : i + 1));
    }
    reversal.cloneForward(/*number=*/true);
    reversal.add(from.front().getTerminator()->getOperand(0), to.getArgument(0));
    if (failed(reversal.reverse()))
      return failure();
    for (auto [i, family] : llvm::enumerate(families)) {
      reversal.accumulate(from.getArgument(weights + i), cast<FlatSymbolRefAttr>(family),
                          to.getArgument(1));
    }
    Value result = reversal.adjoint(from.getArgument(0));
    if (!result)
      return from.emitError() << "the result of block @" << from.getName()
                              << " does not depend on its hidden state";
    func::ReturnOp::create(b, from.getLoc(), result);
    return success();
  }

  DenseSet<Operation *> done; // blocks
};

} // namespace
} // namespace llmc
