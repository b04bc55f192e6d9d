#include "passes/Fuse/FusePasses.h"
#include "passes/Fuse/FuseRemarks.h"

using namespace mlir;
using namespace llmc::llm;

namespace llmc {
#define GEN_PASS_DEF_FUSESWIGLU
#include "passes/Fuse/FusePasses.h.inc"

namespace {

struct FuseSwiglu : impl::FuseSwigluBase<FuseSwiglu> {
  void runOnOperation() override {
    getOperation()->walk([&](MulOp mul) { fuse(mul); });
  }

  void fuse(MulOp mul) {
    auto left = mul.getLhs().getDefiningOp<SiluOp>();
    auto right = mul.getRhs().getDefiningOp<SiluOp>();
    if (!left && !right)
      return;
    bool takeLeft = left && left->hasOneUse();
    SiluOp silu = takeLeft || !right ? left : right;
    if (!silu->hasOneUse())
      return remarkMissed(*this, mul, describeUses("silu", silu.getResult()));
    remarkFused(*this, mul, "silu and product to swiglu");
    IRRewriter rewriter(mul);
    Location loc = rewriter.getFusedLoc({mul.getLoc(), silu.getLoc()});
    Value up = silu == left ? mul.getRhs() : mul.getLhs();
    auto swiglu = SwigluOp::create(rewriter, loc, mul.getType(), silu.getInput(), up);
    rewriter.replaceOp(mul, swiglu);
    rewriter.eraseOp(silu);
  }
};

} // namespace
} // namespace llmc
