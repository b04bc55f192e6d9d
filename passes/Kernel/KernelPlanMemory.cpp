#include "dialects/kernel/IR/AttentionPlan.h"
#include "dialects/kernel/IR/CausalPlan.h"
#include "dialects/kernel/IR/ProductPlan.h"
#include "dialects/llm/Formats/PackedLayout.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Kernel/KernelPasses.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace llmc::kernel {

#define GEN_PASS_DEF_KERNELPLANMEMORY
#include "passes/Kernel/KernelPasses.h.inc"

namespace {

struct Life {
  AllocOp alloc;
  int64_t bytes, first, last; // times of operations
};

// When each operation of a block runs. Products one after the other run at the same time, and so do
// packings, because sharing memory would put a barrier between them.
DenseMap<Operation *, int64_t> timesOf(Block &block) {
  DenseMap<Operation *, int64_t> times;
  int64_t time = 0;
  Operation *previous = nullptr;
  for (Operation &op : block) {
    if (isa<AllocOp, GetWeightOp>(op))
      continue;
    const bool together = previous && previous->getName() == op.getName();
    if (!together || !isa<MatmulOp, PackRowsOp, ExpertMatmulOp, PackRoutedOp>(op))
      ++time;
    times[&op] = time;
    previous = &op;
  }
  return times;
}

// Places buffers one after the other, the largest first, each at the lowest offset where no buffer
// lies that lives at the same time. Returns the size of the frame.
int64_t placeBuffers(func::FuncOp function, int64_t base, int64_t maxRows) {
  DenseMap<Operation *, int64_t> order = timesOf(function.front());
  SmallVector<Life> lives;
  for (auto alloc : function.getOps<AllocOp>()) {
    Life life{alloc, bufferBytes(alloc.getType(), maxRows), INT64_MAX, -1};
    for (Operation *user : alloc->getUsers()) {
      life.first = std::min(life.first, order[user]);
      life.last = std::max(life.last, order[user]);
    }
    lives.push_back(life);
  }
  llvm::stable_sort(lives, [](const Life &x, const Life &y) { return x.bytes > y.bytes; });
  int64_t frame = 0;
  for (auto [i, life] : llvm::enumerate(lives)) {
    SmallVector<std::pair<int64_t, int64_t>> taken;
    for (Life &other : MutableArrayRef(lives).take_front(i))
      if (other.first <= life.last && life.first <= other.last)
        taken.push_back({other.alloc.getOffset() - base, other.bytes});
    llvm::sort(taken);
    int64_t offset = 0;
    for (auto [at, bytes] : taken)
      if (at < offset + life.bytes)
        offset = std::max(offset, at + bytes);
    life.alloc.setOffset(base + offset);
    frame = std::max(frame, offset + life.bytes);
  }
  return frame;
}

// What one thread needs beside buffers: panels of unpacked weights, tiles of queries.
int64_t scratchBytes(ModuleOp module, TargetAttr target) {
  int64_t bytes = 0;
  auto addPanels = [&](PackedType input, Type type) {
    if (!usesPanels(target.getDot()) || !input.isInteger8())
      return;
    auto weight = cast<RankedTensorType>(type);
    PackedLayout layout(*llm::getBlockFormat(weight.getElementType()));
    int64_t columns = layout.units(weight.getShape().back()) * layout.unitWeights();
    bytes = std::max(bytes, panelBytes(columns) * panelCount(columns, target.getPanelCache()));
  };
  module.walk([&](MatmulOp op) { addPanels(op.getInput().getType(), op.getWeight().getType()); });
  module.walk([&](ExpertMatmulOp op) {
    addPanels(op.getInput().getType().getPacked(), op.getWeight().getType());
  });
  module.walk([&](ProductOp product) {
    ProductPlan plan(product, target.getPanelCache());
    bytes = std::max(bytes, plan.panelsBytes + plan.sumsBytes);
  });
  module.walk([&](RowNormsOp norms) {
    auto weight = cast<RankedTensorType>(norms.getWeight().getType());
    PackedLayout layout(*llm::getBlockFormat(weight.getElementType()));
    const int64_t columns = layout.units(weight.getDimSize(1)) * layout.unitWeights();
    // Floats are padded to 32 columns.
    bytes = std::max<int64_t>(bytes, llvm::alignTo(columns, 32) * 64);
  });
  module.walk([&](CacheWriteOp write) {
    if (llm::isQ8(write.getCache().getType().getKeyType()))
      bytes = std::max(bytes, CacheWriteScratch(write.getCache().getType()).bytes);
  });
  module.walk([&](AttentionOp attention) {
    bytes = std::max(bytes, attentionScratchBytes(target.getDot(), attention.getCache().getType(),
                                                  attention.getParts().getType().getQueries()));
  });
  module.walk([&](CausalAttentionOp op) {
    CausalScratch scratch(target.getDot(), op.getKeyElements(), op.getValueElements());
    bytes = std::max(bytes, scratch.bytes);
  });
  module.walk([&](CausalAttentionAdjointOp op) {
    CausalAdjointScratch scratch(target.getDot(), op.getKeyElements(), op.getValueElements());
    bytes = std::max(bytes, scratch.bytes);
  });
  return bytes;
}

class KernelPlanMemory : public impl::KernelPlanMemoryBase<KernelPlanMemory> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    TargetAttr target = getTarget(module);
    if (!target) {
      module.emitError() << "needs the attribute " << kTargetAttrName;
      return signalPassFailure();
    }
    llvm::StringSet<> blocks;
    auto add = [&](auto layers) {
      for (auto block : layers.getBlocks().template getAsRange<FlatSymbolRefAttr>())
        blocks.insert(block.getValue());
    };
    module.walk([&](LayersOp layers) { add(layers); });
    module.walk([&](LayersAdjointOp layers) { add(layers); });
    int64_t callers = 0, total = 0;
    auto place = [&](bool isBlock, int64_t base) {
      int64_t end = base;
      for (auto function : module.getOps<func::FuncOp>())
        if (!function.isExternal() && blocks.contains(function.getName()) == isBlock)
          end = std::max(end, base + placeBuffers(function, base, target.getMaxRows()));
      return end;
    };
    callers = place(false, 0);
    total = place(true, callers);
    Builder b(&getContext());
    module->setAttr(kArenaBytesAttrName, b.getI64IntegerAttr(total));
    module->setAttr(kScratchBytesAttrName, b.getI64IntegerAttr(scratchBytes(module, target)));
  }
};

} // namespace
} // namespace llmc::kernel
