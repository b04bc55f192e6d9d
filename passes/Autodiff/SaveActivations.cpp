#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "passes/Autodiff/AutodiffPasses.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace llmc::llm;

namespace llmc {
#define GEN_PASS_DEF_SAVEACTIVATIONS
#include "passes/Autodiff/AutodiffPasses.h.inc"

namespace {

// Multiplications that a byte must save to be kept. A core does some 40 in the time in which it
// reads or writes a byte of memory, and vector code of norms and activations waits for memory
// anyway.
constexpr double kLeastWork = 4;

int64_t workOf(Operation *op) {
  if (auto rule = dyn_cast<Differentiable>(op))
    return rule.getWorkPerRow();
  return 0;
}

// A block's adjoint, with what it computes again and what it may be given instead.
class Adjoint {
public:
  Adjoint(func::FuncOp forward, func::FuncOp adjoint, unsigned firstSaved, int64_t layers)
      : forward(forward), adjoint(adjoint), firstSaved(firstSaved), layers(layers) {
    for (Operation &op : adjoint.front())
      if (op.hasAttr(kPrimalAttrName))
        again.insert(&op);
  }

  struct Choice {
    Operation *op = nullptr;
    int64_t bytes = 0;      // for each row, of all layers
    double workPerByte = 0; // what keeping the results makes unnecessary
  };

  // The best operation to keep the results of, among those that fit into `bytes` for each row.
  Choice findBest(int64_t bytes) const {
    Choice best;
    SetVector<Operation *> needed = findNeeded(nullptr);
    int64_t work = total(needed);
    for (Operation *op : needed) {
      Choice choice{op, 0, 0};
      for (Value v : neededResults(op, needed))
        choice.bytes += layers * getWidth(v) * sizeof(float);
      if (choice.bytes == 0 || choice.bytes > bytes)
        continue;
      choice.workPerByte =
          static_cast<double>((work - total(findNeeded(op))) * layers) / choice.bytes;
      if (choice.workPerByte > best.workPerByte)
        best = choice;
    }
    return best;
  }
  void keep(Operation *op) { kept.insert(op); }

  // Gives the adjoint what is kept, makes the block yield it, and removes what is not needed.
  void rewrite() {
    SmallVector<Operation *> primals; // of the block, by number
    for (Operation &op : forward.front())
      primals.push_back(&op);
    Operation *end = forward.front().getTerminator();
    SetVector<Operation *> needed = findNeeded(nullptr);
    unsigned next = firstSaved + 1;
    for (Operation *op : again) {
      if (!kept.contains(op))
        continue;
      Operation *primal = primals[op->getAttrOfType<IntegerAttr>(kPrimalAttrName).getInt()];
      for (Value v : neededResults(op, needed)) {
        unsigned result = cast<OpResult>(v).getResultNumber();
        (void)adjoint.insertArgument(next, v.getType(), {}, v.getLoc());
        v.replaceAllUsesWith(adjoint.getArgument(next++));
        end->insertOperands(end->getNumOperands(), primal->getResult(result));
      }
    }
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(adjoint.front()))) {
      op.removeAttr(kPrimalAttrName);
      if (isOpTriviallyDead(&op))
        op.erase();
    }
    if (adjoint.getArgument(firstSaved).use_empty()) {
      (void)adjoint.eraseArgument(firstSaved);
      end->eraseOperand(1);
    }
    forward.setType(FunctionType::get(forward.getContext(), forward.getArgumentTypes(),
                                      end->getOperandTypes()));
  }

  // What the block yields besides the hidden state.
  ArrayRef<Type> savedTypes() { return forward.getResultTypes().drop_front(); }
  int64_t layerCount() const { return layers; }

private:
  // What is computed again for the adjoint, if the results of the operations kept are there and
  // those of `also`.
  SetVector<Operation *> findNeeded(Operation *also) const {
    SetVector<Operation *> needed;
    auto need = [&](Operation *user) {
      for (Value v : user->getOperands())
        if (Operation *op = v.getDefiningOp();
            op && op != also && again.contains(op) && !kept.contains(op))
          needed.insert(op);
    };
    for (Operation &op : adjoint.front())
      if (!again.contains(&op))
        need(&op);
    for (size_t i = 0; i < needed.size(); ++i)
      need(needed[i]);
    return needed;
  }

  static int64_t total(const SetVector<Operation *> &operations) {
    int64_t sum = 0;
    for (Operation *op : operations)
      sum += workOf(op);
    return sum;
  }

  // Results that the adjoint or an operation of `needed` reads.
  SmallVector<Value> neededResults(Operation *op, const SetVector<Operation *> &needed) const {
    SmallVector<Value> results;
    for (Value v : op->getResults()) {
      auto rows = dyn_cast<RankedTensorType>(v.getType());
      if (rows && rows.getRank() == 2 && llvm::any_of(v.getUsers(), [&](Operation *user) {
            return !again.contains(user) || needed.contains(user);
          }))
        results.push_back(v);
    }
    return results;
  }

  mutable func::FuncOp forward, adjoint;
  unsigned firstSaved; // parameter of the adjoint: the hidden state, which is always there at first
  int64_t layers;
  SetVector<Operation *> again;
  DenseSet<Operation *> kept;
};

class SaveActivations : public impl::SaveActivationsBase<SaveActivations> {
public:
  using SaveActivationsBase::SaveActivationsBase;

private:
  void runOnOperation() override {
    SmallVector<LayersAdjointOp> operations;
    // What llm-build-adjoints made: a pair of loops, forward and backward.
    getOperation().walk([&](LayersAdjointOp op) {
      if (!op.getSaved().empty() && op.getSaved()[0].getDefiningOp<LayersOp>())
        operations.push_back(op);
    });
    if (operations.empty())
      return;
    if (rows < 1 || memoryBudget < 0) {
      getOperation().emitError() << "llm-save-activations needs at least one row and a budget that "
                                    "is not negative";
      return signalPassFailure();
    }
    for (LayersAdjointOp op : operations)
      choose(op);
  }

  void choose(LayersAdjointOp op) {
    auto layers = op.getSaved()[0].getDefiningOp<LayersOp>();
    SymbolTableCollection symbols;
    SmallVector<Adjoint> adjoints;
    for (auto [i, pair] : llvm::enumerate(llvm::zip(layers.getBlocks(), op.getBlocks()))) {
      auto [forward, adjoint] = pair;
      adjoints.emplace_back(
          symbols.lookupNearestSymbolFrom<func::FuncOp>(op, cast<FlatSymbolRefAttr>(forward)),
          symbols.lookupNearestSymbolFrom<func::FuncOp>(op, cast<FlatSymbolRefAttr>(adjoint)),
          2 + op.getShared().size(), llvm::count(op.getSchedule(), i));
    }
    int64_t left = memoryBudget ? memoryBudget / rows : INT64_MAX; // for each row
    while (!gradientCheckpointing) {
      Adjoint *best = nullptr;
      Adjoint::Choice choice;
      for (Adjoint &adjoint : adjoints)
        if (Adjoint::Choice own = adjoint.findBest(left);
            own.op && own.workPerByte > choice.workPerByte) {
          choice = own;
          best = &adjoint;
        }
      if (!best || choice.workPerByte < kLeastWork)
        break;
      best->keep(choice.op);
      left -= choice.bytes;
    }
    for (Adjoint &adjoint : adjoints)
      adjoint.rewrite();
    replace(layers, op, adjoints);
  }

  // The operations again, with the new signatures of their blocks.
  void replace(LayersOp layers, LayersAdjointOp op, SmallVector<Adjoint> &adjoints) {
    SmallVector<Type> types;
    for (Adjoint &adjoint : adjoints)
      for (Type type : adjoint.savedTypes()) {
        auto own = cast<RankedTensorType>(type);
        types.push_back(RankedTensorType::get(
            {adjoint.layerCount(), own.getDimSize(0), own.getDimSize(1)}, own.getElementType()));
      }
    OpBuilder b(layers);
    auto forward = LayersOp::create(b, layers.getLoc(), layers.getResult().getType(), types,
                                    layers.getHidden(), layers.getShared(), layers.getBlocks(),
                                    layers.getWeights(), layers.getSchedule());
    layers.getResult().replaceAllUsesWith(forward.getResult());
    b.setInsertionPoint(op);
    auto backward = LayersAdjointOp::create(
        b, op.getLoc(), op.getResult().getType(), op.getAdjoint(), forward.getSaved(),
        op.getShared(), op.getBlocks(), op.getWeights(), op.getSchedule(), op.getFirst());
    op.getResult().replaceAllUsesWith(backward.getResult());
    op.erase();
    layers.erase();
  }
};

} // namespace
} // namespace llmc
