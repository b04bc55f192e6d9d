#include "passes/Fuse/FusePasses.h"
#include "passes/Fuse/FuseRemarks.h"

using namespace mlir;
using namespace llmc::llm;

namespace llmc {
#define GEN_PASS_DEF_FUSEGATE
#include "passes/Fuse/FusePasses.h.inc"

namespace {

// The silu or gelu that makes `factor`, or null.
Operation *findActivation(Value factor) {
  Operation *op = factor.getDefiningOp();
  return isa_and_nonnull<SiluOp, GeluOp>(op) ? op : nullptr;
}

struct FuseGate : impl::FuseGateBase<FuseGate> {
  void runOnOperation() override {
    getOperation()->walk([&](MulOp mul) { fuse(mul); });
  }

  void fuse(MulOp mul) {
    Operation *left = findActivation(mul.getLhs()), *right = findActivation(mul.getRhs());
    bool takeLeft = left && left->hasOneUse();
    Operation *activation = takeLeft || !right ? left : right;
    if (!activation)
      return;
    const bool isSilu = isa<SiluOp>(activation);
    if (!activation->hasOneUse())
      return remarkMissed(*this, mul,
                          describeUses(isSilu ? "silu" : "gelu", activation->getResult(0)));
    remarkFused(*this, mul, isSilu ? "silu and product to swiglu" : "gelu and product to geglu");
    IRRewriter rewriter(mul);
    Location loc = rewriter.getFusedLoc({mul.getLoc(), activation->getLoc()});
    Value gate = activation->getOperand(0);
    Value up = activation == left ? mul.getRhs() : mul.getLhs();
    if (isSilu)
      rewriter.replaceOp(mul, SwigluOp::create(rewriter, loc, mul.getType(), gate, up));
    else
      rewriter.replaceOp(mul, GegluOp::create(rewriter, loc, mul.getType(), gate, up));
    rewriter.eraseOp(activation);
  }
};

} // namespace
} // namespace llmc
