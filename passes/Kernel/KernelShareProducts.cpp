#include "dialects/llm/Formats/PackedLayout.h"
#include "dialects/llm/IR/LlmDialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Kernel/KernelPasses.h"

using namespace mlir;

namespace llmc::kernel {

#define GEN_PASS_DEF_KERNELSHAREPRODUCTS
#include "passes/Kernel/KernelPasses.h.inc"

namespace {

// Products of fewer groups of rows cannot be split evenly.
constexpr uint64_t kFewGroups = 8;

uint64_t groupsOf(MatmulOp op) {
  return PackedLayout::groups(cast<RankedTensorType>(op.getWeight().getType()).getDimSize(0));
}

int64_t bytesOf(MatmulOp op) {
  auto type = cast<RankedTensorType>(op.getWeight().getType());
  return PackedLayout(*llm::getBlockFormat(type.getElementType()))
      .bytes(type.getDimSize(0), type.getDimSize(1));
}

// Whether one of the products combines with rows that another one writes.
bool anyCombine(ArrayRef<MatmulOp> products) {
  return llvm::any_of(products, [&](MatmulOp first) {
    return llvm::any_of(products, [&](MatmulOp second) {
      return first != second &&
             (second.getOther() == first.getOut() || second.getOut() == first.getOut());
    });
  });
}

class KernelShareProducts : public impl::KernelShareProductsBase<KernelShareProducts> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isExternal())
        continue;
      SmallVector<MatmulOp> products;
      for (Operation &op : function.front()) {
        if (auto matmul = dyn_cast<MatmulOp>(op))
          products.push_back(matmul);
        else if (isa<BarrierOp, LayersOp>(op))
          share(products);
      }
      share(products);
    }
  }

  void share(SmallVector<MatmulOp> &products) {
    const bool wanted =
        products.size() > 1 &&
        llvm::any_of(products, [](MatmulOp op) { return groupsOf(op) < kFewGroups; }) &&
        !anyCombine(products);
    int64_t total = 0, before = 0;
    for (MatmulOp op : products)
      total += bytesOf(op);
    for (MatmulOp op : products) {
      if (wanted)
        op.setShare(ArrayRef<int64_t>{before, total});
      before += bytesOf(op);
    }
    products.clear();
  }
};

} // namespace
} // namespace llmc::kernel
