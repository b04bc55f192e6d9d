#include "passes/Kernel/LlmTrainingToKernel.h"
#include "dialects/kernel/IR/KernelDialect.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace llmc::kernel {

bool convertTrainingOp(Operation *op, const TrainingConversion &to) {
  OpBuilder &b = to.b;
  Location loc = op->getLoc();
  auto out = [&](unsigned index) { return to.outputFor(op->getResult(index)); };
  return llvm::TypeSwitch<Operation *, bool>(op)
      .Case([&](llm::RmsNormAdjointOp o) {
        RmsNormAdjointOp::create(b, loc, to.get(o.getAdjoint()), to.get(o.getInput()),
                                 to.get(o.getWeight()), out(0), o.getEpsAttr());
        return true;
      })
      .Case([&](llm::RopeAdjointOp o) {
        RopeOp::create(b, loc, to.get(o.getAdjoint()), to.get(o.getTable()), out(0),
                       o.getHeadDimAttr(), b.getUnitAttr());
        return true;
      })
      .Case([&](llm::SiluAdjointOp o) {
        SiluAdjointOp::create(b, loc, to.get(o.getAdjoint()), to.get(o.getInput()), out(0));
        return true;
      })
      .Case([&](llm::SwigluAdjointOp o) {
        Value gate = out(0), up = out(1);
        SwigluAdjointOp::create(b, loc, to.get(o.getAdjoint()), to.get(o.getGate()),
                                to.get(o.getUp()), gate, up);
        return true;
      })
      .Case([&](llm::DropoutOp o) {
        DropoutOp::create(b, loc, to.get(o.getInput()), to.get(o.getSeed()), to.get(o.getLayer()),
                          out(0), o.getSiteAttr(), o.getRateAttr());
        return true;
      })
      .Case([&](llm::EmbedAdjointOp o) {
        Value gradient = to.gradientOf(o->getResult(0));
        if (gradient)
          EmbedAdjointOp::create(b, loc, to.get(o.getAdjoint()), to.get(o.getTokens()), gradient);
        return gradient != nullptr;
      })
      .Case([&](llm::CausalAttentionOp o) {
        Value y = out(0), logSums = out(1);
        CausalAttentionOp::create(b, loc, to.get(o.getQuery()), to.get(o.getKeys()),
                                  to.get(o.getValues()), y, logSums, o.getHeadsAttr(),
                                  o.getKvHeadsAttr(), o.getSequenceAttr(), o.getScaleAttr(),
                                  o.getWindowAttr());
        return true;
      })
      .Case([&](llm::CausalAttentionAdjointOp o) {
        Value query = out(0), keys = out(1), values = out(2);
        CausalAttentionAdjointOp::create(b, loc, to.get(o.getAdjoint()), to.get(o.getQuery()),
                                         to.get(o.getKeys()), to.get(o.getValues()),
                                         to.get(o.getOutput()), to.get(o.getLogSums()), query, keys,
                                         values, o.getHeadsAttr(), o.getKvHeadsAttr(),
                                         o.getSequenceAttr(), o.getScaleAttr(), o.getWindowAttr());
        return true;
      })
      .Default(false);
}

} // namespace llmc::kernel
