#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Kernel/KernelPasses.h"

using namespace mlir;

namespace llmc::kernel {

#define GEN_PASS_DEF_KERNELGATHERPACKS
#include "passes/Kernel/KernelPasses.h.inc"

namespace {

// The packing that `pack` can stand behind, or null.
PackRowsOp findEarlier(PackRowsOp pack) {
  bool products = false;
  for (Operation *op = pack->getPrevNode(); op; op = op->getPrevNode()) {
    if (auto earlier = dyn_cast<PackRowsOp>(op))
      return products ? earlier : nullptr;
    if (isa<AllocOp, GetWeightOp>(op))
      continue;
    auto matmul = dyn_cast<MatmulOp>(op);
    if (!matmul || matmul.getOut() == pack.getInput())
      return nullptr;
    products = true;
  }
  return nullptr;
}

class KernelGatherPacks : public impl::KernelGatherPacksBase<KernelGatherPacks> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isExternal())
        continue;
      for (auto pack : llvm::make_early_inc_range(function.front().getOps<PackRowsOp>()))
        gather(pack);
    }
  }

  void gather(PackRowsOp pack) {
    PackRowsOp earlier = findEarlier(pack);
    if (!earlier)
      return;
    Operation *place = earlier;
    // What it names is known there, or moves with it.
    for (Value operand : pack->getOperands())
      if (Operation *definition = operand.getDefiningOp();
          definition && definition->getBlock() == pack->getBlock() &&
          earlier->isBeforeInBlock(definition)) {
        if (!isa<AllocOp, GetWeightOp>(definition) || definition->getNumOperands() != 0)
          return;
        definition->moveAfter(place);
        place = definition;
      }
    pack->moveAfter(place);
  }
};

} // namespace
} // namespace llmc::kernel
