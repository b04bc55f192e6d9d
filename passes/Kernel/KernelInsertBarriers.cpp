#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "passes/Kernel/KernelPasses.h"

using namespace mlir;

namespace llmc::kernel {

#define GEN_PASS_DEF_KERNELINSERTBARRIERS
#include "passes/Kernel/KernelPasses.h.inc"

namespace {

// A piece of memory that an operation touches.
struct Access {
  Value value;
  bool write;
  Operation *op;
};

bool overlap(Value x, Value y, int64_t maxRows) {
  if (x == y)
    return true;
  // Several handles may stand for the same state.
  if (isa<llm::KvCacheType>(x.getType()) && isa<llm::KvCacheType>(y.getType()))
    return true;
  if (isa<llm::ColumnSumsType>(x.getType()) && isa<llm::ColumnSumsType>(y.getType())) {
    auto first = x.getDefiningOp<GetStateOp>(), second = y.getDefiningOp<GetStateOp>();
    return !first || !second || first.getState() == second.getState();
  }
  if (auto first = x.getDefiningOp<GetGradientOp>(), second = y.getDefiningOp<GetGradientOp>();
      first && second)
    return first.getParameter() == second.getParameter();
  auto a = x.getDefiningOp<AllocOp>(), b = y.getDefiningOp<AllocOp>();
  if (!a || !b)
    return false; // a parameter lies apart from the function's own buffers and from other
                  // parameters
  int64_t aEnd = a.getOffset() + bufferBytes(a.getType(), maxRows);
  int64_t bEnd = b.getOffset() + bufferBytes(b.getType(), maxRows);
  return int64_t(a.getOffset()) < bEnd && int64_t(b.getOffset()) < aEnd;
}

// Products of experts, too, as both are split by the same routing.
bool staysWithExperts(const Access &before, const Access &now) {
  auto first = dyn_cast<ExpertMatmulOp>(before.op), second = dyn_cast<ExpertMatmulOp>(now.op);
  return first && second && before.value == now.value && first.getOut() == before.value &&
         first.getRouting() == second.getRouting() &&
         (second.getOther() == now.value || second.getOut() == now.value) &&
         first.getOut().getType() == second.getOut().getType();
}

// Two products with the same number of rows give each thread the same columns of their outputs.
bool staysInThread(const Access &before, const Access &now) {
  auto first = dyn_cast<MatmulOp>(before.op), second = dyn_cast<MatmulOp>(now.op);
  return first && second && before.value == now.value && first.getOut() == before.value &&
         (second.getOther() == now.value || second.getOut() == now.value) &&
         first.getOut().getType() == second.getOut().getType();
}

SmallVector<Access> accessesOf(Operation *op) {
  SmallVector<MemoryEffects::EffectInstance> effects;
  if (auto interface = dyn_cast<MemoryEffectOpInterface>(op))
    interface.getEffects(effects);
  SmallVector<Access> accesses;
  for (auto &effect : effects)
    if (Value v = effect.getValue();
        v && isa<MemoryEffects::Read, MemoryEffects::Write>(effect.getEffect()))
      accesses.push_back({v, isa<MemoryEffects::Write>(effect.getEffect()), op});
  return accesses;
}

class KernelInsertBarriers : public impl::KernelInsertBarriersBase<KernelInsertBarriers> {
  void runOnOperation() override {
    TargetAttr target = getTarget(getOperation());
    if (!target) {
      getOperation().emitError() << "needs the attribute " << kTargetAttrName;
      return signalPassFailure();
    }
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (!function.isExternal())
        insertInto(function, target.getMaxRows());
  }

  void insertInto(func::FuncOp function, int64_t maxRows) {
    OpBuilder b(function);
    SmallVector<Access> pending;
    auto barrier = [&](Operation *before) {
      b.setInsertionPoint(before);
      BarrierOp::create(b, before->getLoc());
      pending.clear();
    };
    for (Operation &op : llvm::make_early_inc_range(function.front())) {
      if (isa<AllocOp>(op))
        continue;
      SmallVector<Access> accesses = accessesOf(&op);
      auto conflicts = [&](const Access &now) {
        return llvm::any_of(pending, [&](const Access &before) {
          return (before.write || now.write) && overlap(before.value, now.value, maxRows) &&
                 !staysInThread(before, now) && !staysWithExperts(before, now);
        });
      };
      // Blocks begin with no work pending and end with a barrier.
      bool callsBlocks = isa<LayersOp, LayersAdjointOp>(op);
      if (callsBlocks ? !pending.empty() : llvm::any_of(accesses, conflicts))
        barrier(&op);
      if (!callsBlocks)
        pending.append(accesses);
    }
    if (function.isPrivate() && !pending.empty())
      barrier(function.front().getTerminator());
  }
};

} // namespace
} // namespace llmc::kernel
