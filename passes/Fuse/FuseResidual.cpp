#include "passes/Fuse/FusePasses.h"
#include "passes/Fuse/FuseRemarks.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace llmc::llm;

namespace llmc {
#define GEN_PASS_DEF_FUSERESIDUAL
#include "passes/Fuse/FusePasses.h.inc"

namespace {

// Whether an operation between the two uses what `linear` yields. Both are in one block.
bool isUsedBefore(FusedLinearOp linear, AddOp sum) {
  for (Operation *user : linear->getUsers())
    if (user->getBlock() != sum->getBlock() || user->isBeforeInBlock(sum))
      return true;
  return false;
}

// Why `sum` cannot become the residual sum of the linear that yields `product`; empty if it can.
std::string findObstacle(AddOp sum, Value product) {
  auto linear = product.getDefiningOp<FusedLinearOp>();
  if (linear.getActivation() != Activation::None)
    return "linear has an activation";
  if (product != linear.getProducts()[0])
    return "product is not its linear's first";
  if (linear.getResidual())
    return "linear has a residual already";
  if (!product.hasOneUse())
    return describeUses("product", product);
  if (linear->getBlock() != sum->getBlock())
    return "linear is in another block";
  if (sum.getLhs().getDefiningOp() == sum.getRhs().getDefiningOp())
    return "both addends are the linear's";
  if (isUsedBefore(linear, sum))
    return "another product is used before the sum";
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
