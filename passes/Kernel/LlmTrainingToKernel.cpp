// Conversion of the operations of training that stand for one kernel operation each.
#include "passes/Kernel/FunctionConverter.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace llmc::kernel {

bool FunctionConverter::convertNormWeightAdjoint(Operation *op, Value adjoint, Value input,
                                                 FloatAttr eps, UnitAttr centered) {
  Value gradient = gradientOf(op->getResult(0));
  if (!gradient)
    return false;
  const int64_t head = cast<RankedTensorType>(op->getResult(0).getType()).getDimSize(0);
  Value terms = alloc(op->getLoc(), input.getType());
  NormTermsOp::create(b, op->getLoc(), adjoint, input, terms, eps, b.getI64IntegerAttr(head),
                      centered);
  SumRowsOp::create(b, op->getLoc(), terms, gradient, Value());
  return true;
}

bool FunctionConverter::convertTrainingOp(Operation *op) {
  Location loc = op->getLoc();
  auto out = [&](unsigned index) { return outputFor(op->getResult(index)); };
  return llvm::TypeSwitch<Operation *, bool>(op)
      .Case([&](llm::RmsNormAdjointOp o) {
        RmsNormAdjointOp::create(b, loc, get(o.getAdjoint()), get(o.getInput()), get(o.getWeight()),
                                 out(0), o.getEpsAttr());
        return true;
      })
      .Case([&](llm::LayerNormAdjointOp o) {
        LayerNormAdjointOp::create(b, loc, get(o.getAdjoint()), get(o.getInput()),
                                   get(o.getWeight()), out(0), o.getEpsAttr());
        return true;
      })
      .Case([&](llm::RmsNormWeightAdjointOp o) {
        return convertNormWeightAdjoint(o, get(o.getAdjoint()), get(o.getInput()), o.getEpsAttr(),
                                        UnitAttr());
      })
      .Case([&](llm::LayerNormWeightAdjointOp o) {
        return convertNormWeightAdjoint(o, get(o.getAdjoint()), get(o.getInput()), o.getEpsAttr(),
                                        b.getUnitAttr());
      })
      .Case([&](llm::SumRowsOp o) {
        // Biases behind parallel branches have one derivative.
        for (Operation *user : o->getUsers()) {
          auto add = dyn_cast<llm::AccumulateGradientOp>(user);
          if (!add)
            return false;
          SumRowsOp::create(b, loc, get(o.getInput()), gradientOf(add), get(o.getDivisor()));
        }
        return true;
      })
      .Case([&](llm::RowNormsOp o) {
        RowNormsOp::create(b, loc, get(o.getWeight()), get(o.getA()), get(o.getB()), out(0),
                           o.getScaleAttr());
        return true;
      })
      .Case([&](llm::ScaleColumnsOp o) {
        ScaleColumnsOp::create(b, loc, get(o.getInput()), get(o.getMagnitude()),
                               get(o.getNorms()), out(0), get(o.getBias()));
        return true;
      })
      .Case([&](llm::GeluAdjointOp o) {
        GeluAdjointOp::create(b, loc, get(o.getAdjoint()), get(o.getInput()), out(0));
        return true;
      })
      .Case([&](llm::GegluAdjointOp o) {
        Value gate = out(0), up = out(1);
        GegluAdjointOp::create(b, loc, get(o.getAdjoint()), get(o.getGate()), get(o.getUp()), gate,
                               up);
        return true;
      })
      .Case([&](llm::RopeAdjointOp o) {
        RopeOp::create(b, loc, get(o.getAdjoint()), get(o.getTable()), out(0), o.getHeadDimAttr(),
                       o.getHalvesAttr(), b.getUnitAttr());
        return true;
      })
      .Case([&](llm::SiluAdjointOp o) {
        SiluAdjointOp::create(b, loc, get(o.getAdjoint()), get(o.getInput()), out(0));
        return true;
      })
      .Case([&](llm::SwigluAdjointOp o) {
        Value gate = out(0), up = out(1);
        SwigluAdjointOp::create(b, loc, get(o.getAdjoint()), get(o.getGate()), get(o.getUp()), gate,
                                up);
        return true;
      })
      .Case([&](llm::DropoutOp o) {
        DropoutOp::create(b, loc, get(o.getInput()), get(o.getSeed()), get(o.getLayer()), out(0),
                          o.getSiteAttr(), o.getRateAttr());
        return true;
      })
      .Case([&](llm::NoiseOp o) {
        NoiseOp::create(b, loc, get(o.getInput()), get(o.getSeed()), out(0), o.getSiteAttr(),
                        o.getAmplitudeAttr());
        return true;
      })
      .Case([&](llm::EmbedAdjointOp o) {
        Value gradient = gradientOf(o->getResult(0));
        if (gradient)
          EmbedAdjointOp::create(b, loc, get(o.getAdjoint()), get(o.getTokens()), gradient);
        return gradient != nullptr;
      })
      .Case([&](llm::CausalAttentionOp o) {
        Value y = out(0), logSums = out(1);
        CausalAttentionOp::create(b, loc, get(o.getQuery()), get(o.getKeys()), get(o.getValues()),
                                  y, logSums, o.getHeadsAttr(), o.getKvHeadsAttr(),
                                  o.getSequenceAttr(), o.getScaleAttr(), o.getWindowAttr());
        return true;
      })
      .Case([&](llm::CausalAttentionAdjointOp o) {
        Value query = out(0), keys = out(1), values = out(2);
        CausalAttentionAdjointOp::create(
            b, loc, get(o.getAdjoint()), get(o.getQuery()), get(o.getKeys()), get(o.getValues()),
            get(o.getOutput()), get(o.getLogSums()), query, keys, values, o.getHeadsAttr(),
            o.getKvHeadsAttr(), o.getSequenceAttr(), o.getScaleAttr(), o.getWindowAttr());
        return true;
      })
      .Default(false);
}

} // namespace llmc::kernel
