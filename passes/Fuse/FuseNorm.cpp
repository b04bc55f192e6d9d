#include "passes/Fuse/FusePasses.h"
#include "passes/Fuse/FuseRemarks.h"

using namespace mlir;
using namespace llmc::llm;

namespace llmc {
#define GEN_PASS_DEF_FUSENORM
#include "passes/Fuse/FusePasses.h.inc"

namespace {

struct FuseNorm : impl::FuseNormBase<FuseNorm> {
  void runOnOperation() override {
    getOperation()->walk([&](RmsNormOp norm) { fuse(norm); });
  }

  void fuse(RmsNormOp norm) {
    if (!norm->hasOneUse())
      return remarkMissed(*this, norm, describeUses("norm", norm.getResult()));
    OpOperand &use = *norm->use_begin();
    auto linear = dyn_cast<FusedLinearOp>(use.getOwner());
    if (!linear)
      return remarkMissed(*this, norm,
                          "norm is used by " + use.getOwner()->getName().getStringRef());
    if (&use != &linear.getInputMutable())
      return remarkMissed(*this, norm, "norm is the linear's residual");
    if (linear.getNorm())
      return remarkMissed(*this, norm, "linear has a norm already");
    if (getWidth(norm.getWeight()) != getWidth(norm.getInput()))
      return remarkMissed(*this, norm, "norm is of heads, not of rows");
    if (linear->getBlock() != norm->getBlock())
      return remarkMissed(*this, norm, "linear is in another block");
    remarkFused(*this, norm, "norm into linear");
    linear->setLoc(FusedLoc::get(&getContext(), {linear.getLoc(), norm.getLoc()}));
    linear.getInputMutable().assign(norm.getInput());
    linear.getNormMutable().assign(norm.getWeight());
    linear.setEpsAttr(norm.getEpsAttr());
    norm.erase();
  }
};

} // namespace
} // namespace llmc
