#include "passes/Fuse/FusePasses.h"
#include "passes/Fuse/FuseRemarks.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace llmc::llm;

namespace llmc {
#define GEN_PASS_DEF_FUSEACTIVATION
#include "passes/Fuse/FusePasses.h.inc"

namespace {

// Why the activation of `gate` and `up` cannot be part of the linear before it; empty if it can.
std::string findGatedObstacle(Value gate, Value up) {
  auto linear = gate.getDefiningOp<FusedLinearOp>();
  auto other = up.getDefiningOp<FusedLinearOp>();
  if (!linear || !other)
    return llvm::formatv("{0} is no product of a linear", linear ? "up" : "gate");
  if (linear != other)
    return "gate and up are products of two linears";
  if (linear.getProducts().size() != 2)
    return llvm::formatv("linear has {0} product{1}", linear.getProducts().size(),
                         linear.getProducts().size() == 1 ? "" : "s");
  if (gate == up)
    return "gate and up are the same product";
  if (!gate.hasOneUse())
    return describeUses("gate", gate);
  if (!up.hasOneUse())
    return describeUses("up", up);
  return "";
}

std::string findObstacle(Value product) {
  auto linear = product.getDefiningOp<FusedLinearOp>();
  if (linear.getProducts().size() != 1)
    return llvm::formatv("linear has {0} products", linear.getProducts().size());
  if (linear.getActivation() != Activation::None)
    return "linear has an activation already";
  if (linear.getResidual())
    return "linear has a residual";
  if (!product.hasOneUse())
    return describeUses("product", product);
  return "";
}

struct FuseActivation : impl::FuseActivationBase<FuseActivation> {
  void runOnOperation() override {
    getOperation()->walk([&](Operation *op) {
      if (isa<SwigluOp>(op))
        fuseGated(op, Activation::Swiglu);
      else if (isa<GegluOp>(op))
        fuseGated(op, Activation::Geglu);
      else if (isa<GeluOp>(op))
        fuse(op, Activation::Gelu);
    });
  }

  // `op` has two operands, gate and up.
  void fuseGated(Operation *op, Activation activation) {
    Value gate = op->getOperand(0), up = op->getOperand(1);
    auto linear = gate.getDefiningOp<FusedLinearOp>();
    if (!linear && !up.getDefiningOp<FusedLinearOp>())
      return;
    std::string obstacle = findGatedObstacle(gate, up);
    if (!obstacle.empty())
      return remarkMissed(*this, op, obstacle);
    remarkFused(*this, op, stringifyActivation(activation) + " into linear");

    SmallVector<Value, 2> weights(linear.getWeights()), biases(linear.getBiases());
    SmallVector<bool, 2> biased{bool(linear.getBiasOf(0)), bool(linear.getBiasOf(1))};
    if (gate != linear.getProducts()[0]) {
      std::swap(weights[0], weights[1]);
      std::swap(biased[0], biased[1]);
      if (biases.size() == 2)
        std::swap(biases[0], biases[1]);
    }
    IRRewriter rewriter(linear);
    replace(rewriter, op, linear, weights, biases,
            biases.empty() ? DenseBoolArrayAttr() : rewriter.getDenseBoolArrayAttr(biased),
            activation);
  }

  // `op` has one operand.
  void fuse(Operation *op, Activation activation) {
    Value product = op->getOperand(0);
    auto linear = product.getDefiningOp<FusedLinearOp>();
    if (!linear)
      return;
    std::string obstacle = findObstacle(product);
    if (!obstacle.empty())
      return remarkMissed(*this, op, obstacle);
    remarkFused(*this, op, stringifyActivation(activation) + " into linear");
    IRRewriter rewriter(linear);
    replace(rewriter, op, linear, linear.getWeights(), linear.getBiases(), linear.getBiasedAttr(),
            activation);
  }

  void replace(IRRewriter &rewriter, Operation *op, FusedLinearOp linear, ValueRange weights,
               ValueRange biases, DenseBoolArrayAttr biased, Activation activation) {
    auto fused = FusedLinearOp::create(
        rewriter, rewriter.getFusedLoc({linear.getLoc(), op->getLoc()}),
        op->getResultTypes().front(), linear.getInput(), linear.getNorm(), weights, biases,
        /*residual=*/Value(), linear.getEpsAttr(), biased,
        ActivationAttr::get(&getContext(), activation));
    rewriter.replaceOp(op, fused);
    rewriter.eraseOp(linear);
  }
};

} // namespace
} // namespace llmc
