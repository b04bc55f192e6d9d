#include "passes/Fuse/FusePasses.h"
#include "passes/Fuse/FuseRemarks.h"

using namespace mlir;
using namespace llmc::llm;

namespace llmc {
#define GEN_PASS_DEF_FUSEEXPERTS
#include "passes/Fuse/FusePasses.h.inc"

namespace {

// Why gate and up cannot be one operation with the swiglu; empty if they can.
std::string findObstacle(SwigluOp swiglu, ExpertLinearOp gate, ExpertLinearOp up) {
  if (!gate || !up)
    return gate ? "up is no product of experts" : "gate is no product of experts";
  if (gate.getInput() != up.getInput() || gate.getIds() != up.getIds())
    return "gate and up have other inputs or experts";
  if (gate == up)
    return "gate and up are the same product";
  if (cast<RankedTensorType>(gate.getWeight().getType()).getShape() !=
      cast<RankedTensorType>(up.getWeight().getType()).getShape())
    return "gate and up have other shapes";
  if (!gate->hasOneUse())
    return describeUses("gate", gate.getResult());
  if (!up->hasOneUse())
    return describeUses("up", up.getResult());
  return "";
}

// The sum of experts that takes the residual: that which is computed last, and used by nothing
// else.
ExpertSumOp findSum(AddOp sum) {
  ExpertSumOp chosen;
  for (Value addend : {sum.getLhs(), sum.getRhs()}) {
    auto experts = addend.getDefiningOp<ExpertSumOp>();
    if (experts && !experts.getResidual() && experts->hasOneUse() &&
        experts->getBlock() == sum->getBlock() && (!chosen || chosen->isBeforeInBlock(experts)))
      chosen = experts;
  }
  return chosen;
}

struct FuseExperts : impl::FuseExpertsBase<FuseExperts> {
  void runOnOperation() override {
    getOperation()->walk([&](SwigluOp swiglu) { fuse(swiglu); });
    getOperation()->walk([&](AddOp sum) { fuse(sum); });
  }

  void fuse(SwigluOp swiglu) {
    auto gate = swiglu.getGate().getDefiningOp<ExpertLinearOp>();
    auto up = swiglu.getUp().getDefiningOp<ExpertLinearOp>();
    if (!gate && !up)
      return;
    std::string obstacle = findObstacle(swiglu, gate, up);
    if (!obstacle.empty())
      return remarkMissed(*this, swiglu, obstacle);
    remarkFused(*this, swiglu, "gate and up of experts and their swiglu");
    IRRewriter rewriter(swiglu);
    Location loc = rewriter.getFusedLoc({swiglu.getLoc(), gate.getLoc(), up.getLoc()});
    auto fused = ExpertSwigluOp::create(rewriter, loc, swiglu.getType(), gate.getInput(),
                                        gate.getIds(), gate.getWeight(), up.getWeight());
    rewriter.replaceOp(swiglu, fused);
    rewriter.eraseOp(gate);
    rewriter.eraseOp(up);
  }

  void fuse(AddOp sum) {
    ExpertSumOp experts = findSum(sum);
    if (!experts)
      return;
    remarkFused(*this, sum, "residual into the sum of experts");
    // Where the sum was, both addends are known.
    experts->moveBefore(sum);
    experts->setLoc(FusedLoc::get(&getContext(), {experts.getLoc(), sum.getLoc()}));
    Value other = sum.getLhs() == experts.getResult() ? sum.getRhs() : sum.getLhs();
    experts.getResidualMutable().assign(other);
    sum.getResult().replaceAllUsesWith(experts.getResult());
    sum.erase();
  }
};

} // namespace
} // namespace llmc
