#include "passes/Fuse/FusePasses.h"
#include "passes/Fuse/FuseRemarks.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace llmc::llm;

namespace llmc {
#define GEN_PASS_DEF_FUSEACTIVATION
#include "passes/Fuse/FusePasses.h.inc"

namespace {

// Why the activation cannot be part of the linear before it; empty if it can.
std::string findObstacle(SwigluOp swiglu) {
  auto gate = swiglu.getGate().getDefiningOp<FusedLinearOp>();
  auto up = swiglu.getUp().getDefiningOp<FusedLinearOp>();
  if (!gate || !up)
    return llvm::formatv("{0} is no product of a linear", gate ? "up" : "gate");
  if (gate != up)
    return "gate and up are products of two linears";
  if (gate.getProducts().size() != 2)
    return llvm::formatv("linear has {0} product{1}", gate.getProducts().size(),
                         gate.getProducts().size() == 1 ? "" : "s");
  if (swiglu.getGate() == swiglu.getUp())
    return "gate and up are the same product";
  if (!swiglu.getGate().hasOneUse())
    return describeUses("gate", swiglu.getGate());
  if (!swiglu.getUp().hasOneUse())
    return describeUses("up", swiglu.getUp());
  return "";
}

struct FuseActivation : impl::FuseActivationBase<FuseActivation> {
  void runOnOperation() override {
    getOperation()->walk([&](SwigluOp swiglu) { fuse(swiglu); });
  }

  void fuse(SwigluOp swiglu) {
    auto linear = swiglu.getGate().getDefiningOp<FusedLinearOp>();
    if (!linear && !swiglu.getUp().getDefiningOp<FusedLinearOp>())
      return;
    std::string obstacle = findObstacle(swiglu);
    if (!obstacle.empty())
      return remarkMissed(*this, swiglu, obstacle);
    remarkFused(*this, swiglu, "swiglu into linear");

    SmallVector<Value, 2> weights(linear.getWeights()), biases(linear.getBiases());
    SmallVector<bool, 2> biased{bool(linear.getBiasOf(0)), bool(linear.getBiasOf(1))};
    if (swiglu.getGate() != linear.getProducts()[0]) {
      std::swap(weights[0], weights[1]);
      std::swap(biased[0], biased[1]);
      if (biases.size() == 2)
        std::swap(biases[0], biases[1]);
    }
    IRRewriter rewriter(linear);
    auto fused = FusedLinearOp::create(
        rewriter, rewriter.getFusedLoc({linear.getLoc(), swiglu.getLoc()}), swiglu.getType(),
        linear.getInput(), linear.getNorm(), weights, biases, /*residual=*/Value(),
        linear.getEpsAttr(),
        biases.empty() ? DenseBoolArrayAttr() : rewriter.getDenseBoolArrayAttr(biased),
        ActivationAttr::get(&getContext(), Activation::Swiglu));
    rewriter.replaceOp(swiglu, fused);
    rewriter.eraseOp(linear);
  }
};

} // namespace
} // namespace llmc
