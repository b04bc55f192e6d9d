#include "passes/Fuse/FusePasses.h"
#include "passes/Fuse/FuseRemarks.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace llmc::llm;

namespace llmc {
#define GEN_PASS_DEF_FUSERESIDUAL
#include "passes/Fuse/FusePasses.h.inc"

namespace {

// Why `sum` cannot become the residual sum of the linear that yields `product`; empty if it can.
std::string findObstacle(AddOp sum, Value product) {
  auto linear = product.getDefiningOp<FusedLinearOp>();
  if (linear.getActivation() != Activation::None)
    return "linear has an activation";
  if (linear.getProducts().size() != 1)
    return llvm::formatv("linear has {0} products", linear.getProducts().size());
  if (linear.getResidual())
    return "linear has a residual already";
  if (!product.hasOneUse())
    return describeUses("product", product);
  if (linear->getBlock() != sum->getBlock())
    return "linear is in another block";
  return "";
}

struct FuseResidual : impl::FuseResidualBase<FuseResidual> {
  void runOnOperation() override {
    getOperation()->walk([&](AddOp sum) { fuse(sum); });
  }

  void fuse(AddOp sum) {
    SmallVector<Value, 2> products;
    for (Value addend : {sum.getLhs(), sum.getRhs()})
      if (addend.getDefiningOp<FusedLinearOp>())
        products.push_back(addend);
    if (products.empty())
      return;

    Value chosen;
    std::string obstacle;
    for (Value product : products) {
      std::string found = findObstacle(sum, product);
      if (!found.empty()) {
        if (obstacle.empty())
          obstacle = found;
      } else if (!chosen || chosen.getDefiningOp()->isBeforeInBlock(product.getDefiningOp())) {
        chosen = product;
      }
    }
    if (!chosen)
      return remarkMissed(*this, sum, obstacle);

    remarkFused(*this, sum, "residual into linear");
    // Where the sum was, both addends are known.
    auto linear = chosen.getDefiningOp<FusedLinearOp>();
    linear->moveBefore(sum);
    linear->setLoc(FusedLoc::get(&getContext(), {linear.getLoc(), sum.getLoc()}));
    linear.getResidualMutable().assign(chosen == sum.getLhs() ? sum.getRhs() : sum.getLhs());
    sum.getResult().replaceAllUsesWith(chosen);
    sum.erase();
  }
};

} // namespace
} // namespace llmc
