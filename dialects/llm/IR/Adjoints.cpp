// The rules of the interface Differentiable: values that a rule reads, and the adjoint it builds.
#include "dialects/llm/IR/LlmDialect.h"
#include "dialects/llm/IR/Verifiers.h"

using namespace mlir;
using namespace llmc;
using namespace llmc::llm;

using Values = SmallVector<Value>;

// Linear in all their operands, of the same type.

bool AddOp::isDifferentiableBy(unsigned) { return true; }
Values AddOp::getValuesToSave() { return {}; }
void AddOp::buildAdjoint(AdjointBuilder &a) {
  a.add(getLhs(), a.adjoint(getResult()));
  a.add(getRhs(), a.adjoint(getResult()));
}

bool MulOp::isDifferentiableBy(unsigned) { return true; }
Values MulOp::getValuesToSave() { return {getLhs(), getRhs()}; }
void MulOp::buildAdjoint(AdjointBuilder &a) {
  Value dy = a.adjoint(getResult());
  if (a.isActive(getLhs()))
    a.add(getLhs(), MulOp::create(a.b, getLoc(), dy, a.primal(getRhs())));
  if (a.isActive(getRhs()))
    a.add(getRhs(), MulOp::create(a.b, getLoc(), dy, a.primal(getLhs())));
}

bool SiluOp::isDifferentiableBy(unsigned) { return true; }
Values SiluOp::getValuesToSave() { return {getInput()}; }
void SiluOp::buildAdjoint(AdjointBuilder &a) {
  a.add(getInput(),
        SiluAdjointOp::create(a.b, getLoc(), a.adjoint(getResult()), a.primal(getInput())));
}

bool SwigluOp::isDifferentiableBy(unsigned) { return true; }
Values SwigluOp::getValuesToSave() { return {getGate(), getUp()}; }
void SwigluOp::buildAdjoint(AdjointBuilder &a) {
  auto adjoint =
      SwigluAdjointOp::create(a.b, getLoc(), getType(), getType(), a.adjoint(getResult()),
                              a.primal(getGate()), a.primal(getUp()));
  a.add(getGate(), adjoint.getGateAdjoint());
  a.add(getUp(), adjoint.getUpAdjoint());
}

bool GeluOp::isDifferentiableBy(unsigned) { return true; }
Values GeluOp::getValuesToSave() { return {getInput()}; }
void GeluOp::buildAdjoint(AdjointBuilder &a) {
  a.add(getInput(),
        GeluAdjointOp::create(a.b, getLoc(), a.adjoint(getResult()), a.primal(getInput())));
}

bool GegluOp::isDifferentiableBy(unsigned) { return true; }
Values GegluOp::getValuesToSave() { return {getGate(), getUp()}; }
void GegluOp::buildAdjoint(AdjointBuilder &a) {
  auto adjoint = GegluAdjointOp::create(a.b, getLoc(), getType(), getType(), a.adjoint(getResult()),
                                        a.primal(getGate()), a.primal(getUp()));
  a.add(getGate(), adjoint.getGateAdjoint());
  a.add(getUp(), adjoint.getUpAdjoint());
}

bool ScaleOp::isDifferentiableBy(unsigned) { return true; }
Values ScaleOp::getValuesToSave() { return {}; }
void ScaleOp::buildAdjoint(AdjointBuilder &a) {
  a.add(getInput(), ScaleOp::create(a.b, getLoc(), a.adjoint(getResult()), getFactorAttr()));
}

// By the rows, and by weights that are parameters.

bool RmsNormOp::isDifferentiableBy(unsigned) { return true; }
Values RmsNormOp::getValuesToSave() { return {getInput(), getWeight()}; }
void RmsNormOp::buildAdjoint(AdjointBuilder &a) {
  Value dy = a.adjoint(getResult()), x = a.primal(getInput());
  if (a.isActive(getInput()))
    a.add(getInput(), RmsNormAdjointOp::create(a.b, getLoc(), getType(), dy, x,
                                               a.primal(getWeight()), getEpsAttr()));
  if (a.isActive(getWeight()))
    a.add(getWeight(), RmsNormWeightAdjointOp::create(a.b, getLoc(), getWeight().getType(), dy, x,
                                                      getEpsAttr()));
}

bool ScaleColumnsOp::isDifferentiableBy(unsigned index) { return index != 2; }
Values ScaleColumnsOp::getValuesToSave() {
  // The bias has a rule that reads nothing.
  return {getInput(), getMagnitude()};
}
void ScaleColumnsOp::buildAdjoint(AdjointBuilder &a) {
  Value dy = a.adjoint(getResult()), norms = a.primal(getNorms());
  if (a.isActive(getInput()))
    a.add(getInput(), ScaleColumnsOp::create(a.b, getLoc(), getType(), dy, a.primal(getMagnitude()),
                                             norms, Value()));
  if (a.isActive(getMagnitude())) {
    Value product = MulOp::create(a.b, getLoc(), dy, a.primal(getInput()));
    a.add(getMagnitude(),
          SumRowsOp::create(a.b, getLoc(), getMagnitude().getType(), product, norms));
  }
  if (getBias() && a.isActive(getBias()))
    a.add(getBias(), SumRowsOp::create(a.b, getLoc(), getBias().getType(), dy, Value()));
}

bool LayerNormOp::isDifferentiableBy(unsigned) { return true; }
Values LayerNormOp::getValuesToSave() { return {getInput(), getWeight()}; }
void LayerNormOp::buildAdjoint(AdjointBuilder &a) {
  Value dy = a.adjoint(getResult()), x = a.primal(getInput());
  if (a.isActive(getInput()))
    a.add(getInput(), LayerNormAdjointOp::create(a.b, getLoc(), getType(), dy, x,
                                                 a.primal(getWeight()), getEpsAttr()));
  if (a.isActive(getWeight()))
    a.add(getWeight(), LayerNormWeightAdjointOp::create(a.b, getLoc(), getWeight().getType(), dy, x,
                                                        getEpsAttr()));
  if (a.isActive(getBias()))
    a.add(getBias(), SumRowsOp::create(a.b, getLoc(), getBias().getType(), dy, Value()));
}

bool RopeOp::isDifferentiableBy(unsigned index) { return index == 0; }
Values RopeOp::getValuesToSave() { return {}; }
void RopeOp::buildAdjoint(AdjointBuilder &a) {
  a.add(getInput(), RopeAdjointOp::create(a.b, getLoc(), getType(), a.adjoint(getResult()),
                                          a.primal(getTable()), getHeadDimAttr(), getHalvesAttr()));
}

bool LinearOp::isDifferentiableBy(unsigned) { return true; }
Values LinearOp::getValuesToSave() { return {getInput(), getWeight()}; }
int64_t LinearOp::getWorkPerRow() { return getWidth(getInput()) * getWidth(getResult()); }
void LinearOp::buildAdjoint(AdjointBuilder &a) {
  Value dy = a.adjoint(getResult());
  if (a.isActive(getInput()))
    a.add(getInput(), LinearTransposedOp::create(a.b, getLoc(), getInput().getType(), dy,
                                                 a.primal(getWeight()), Value()));
  if (a.isActive(getWeight()))
    a.add(getWeight(), OuterOp::create(a.b, getLoc(), getWeight().getType(), dy,
                                       a.primal(getInput()), a.b.getF32FloatAttr(1)));
  if (getBias() && a.isActive(getBias()))
    a.add(getBias(), SumRowsOp::create(a.b, getLoc(), getBias().getType(), dy, Value()));
}

bool DropoutOp::isDifferentiableBy(unsigned index) { return index == 0; }
Values DropoutOp::getValuesToSave() { return {}; }
void DropoutOp::buildAdjoint(AdjointBuilder &a) {
  a.add(getInput(),
        DropoutOp::create(a.b, getLoc(), getType(), a.adjoint(getResult()), a.primal(getSeed()),
                          a.primal(getLayer()), getSiteAttr(), getRateAttr()));
}

bool NoiseOp::isDifferentiableBy(unsigned index) { return index == 0; }
Values NoiseOp::getValuesToSave() { return {}; }
void NoiseOp::buildAdjoint(AdjointBuilder &a) { a.add(getInput(), a.adjoint(getResult())); }

// Operations on parameters.

bool EmbedOp::isDifferentiableBy(unsigned index) { return index == 1; }
Values EmbedOp::getValuesToSave() { return {}; }
void EmbedOp::buildAdjoint(AdjointBuilder &a) {
  a.add(getWeight(), EmbedAdjointOp::create(a.b, getLoc(), getWeight().getType(),
                                            a.adjoint(getResult()), a.primal(getTokens())));
}

bool MatmulOp::isDifferentiableBy(unsigned) { return true; }
Values MatmulOp::getValuesToSave() { return {getInput(), getMatrix()}; }
int64_t MatmulOp::getWorkPerRow() { return getWidth(getInput()) * getWidth(getResult()); }
void MatmulOp::buildAdjoint(AdjointBuilder &a) {
  Value dy = a.adjoint(getResult());
  if (getAddend())
    a.add(getAddend(), dy);
  if (a.isActive(getInput()))
    a.add(getInput(),
          MatmulOp::create(a.b, getLoc(), getInput().getType(), dy, a.primal(getMatrix()), Value(),
                           !getTransposed(), getScale()));
  if (!a.isActive(getMatrix()))
    return;
  Value x = a.primal(getInput());
  a.add(getMatrix(), OuterOp::create(a.b, getLoc(), getMatrix().getType(), getTransposed() ? dy : x,
                                     getTransposed() ? x : dy, getScale()));
}

bool LinearCrossEntropyOp::isDifferentiableBy(unsigned index) {
  // With an adapter the weight is frozen.
  return index == 0 || (index == 1 && getAdapter().empty()) || index > 2;
}
Values LinearCrossEntropyOp::getValuesToSave() {
  Values values{getInput(), getWeight(), getLogSums()};
  llvm::append_range(values, getAdapter());
  return values;
}
int64_t LinearCrossEntropyOp::getWorkPerRow() {
  return getWidth(getInput()) * tensorOf(getWeight()).getDimSize(0);
}
void LinearCrossEntropyOp::buildAdjoint(AdjointBuilder &a) {
  SmallVector<Value, 2> adapter;
  for (Value v : getAdapter())
    adapter.push_back(a.primal(v));
  Values further(getAdapter());
  if (further.empty() && a.isActive(getWeight()))
    further.push_back(getWeight());
  auto adjoint = LinearCrossEntropyAdjointOp::create(
      a.b, getLoc(), getInput().getType(), ValueRange(further).getTypes(), a.adjoint(getLosses()),
      a.primal(getInput()), a.primal(getWeight()), a.primal(getTargets()), a.primal(getLogSums()),
      adapter);
  a.add(getInput(), adjoint.getInputAdjoint());
  for (auto [operand, derivative] : llvm::zip(further, adjoint.getFurtherAdjoints()))
    a.add(operand, derivative);
}

bool CausalAttentionOp::isDifferentiableBy(unsigned) { return true; }
Values CausalAttentionOp::getValuesToSave() {
  return {getQuery(), getKeys(), getValues(), getResult(), getLogSums()};
}
int64_t CausalAttentionOp::getWorkPerRow() {
  // Half of a sequence is seen on average, once for the scores and once for the values.
  int64_t seen = getSequence();
  if (getWindow() > 0)
    seen = std::min<int64_t>(seen, 2 * getWindow());
  return (getWidth(getQuery()) + getWidth(getResult())) * (seen + 1) / 2;
}
void CausalAttentionOp::buildAdjoint(AdjointBuilder &a) {
  auto adjoint = CausalAttentionAdjointOp::create(
      a.b, getLoc(), getQuery().getType(), getKeys().getType(), getValues().getType(),
      a.adjoint(getResult()), a.primal(getQuery()), a.primal(getKeys()), a.primal(getValues()),
      a.primal(getResult()), a.primal(getLogSums()), getHeadsAttr(), getKvHeadsAttr(),
      getSequenceAttr(), getScaleAttr(), getWindowAttr());
  a.add(getQuery(), adjoint.getQueryAdjoint());
  a.add(getKeys(), adjoint.getKeysAdjoint());
  a.add(getValues(), adjoint.getValuesAdjoint());
}

bool LayersOp::isDifferentiableBy(unsigned index) { return index == 0; }
Values LayersOp::getValuesToSave() { return {getResult()}; }
void LayersOp::buildAdjoint(AdjointBuilder &a) {
  // The forward pass has blocks that save.
  auto forward = cast<LayersOp>(a.primal(getResult()).getDefiningOp());
  SmallVector<Attribute> blocks;
  for (Attribute block : forward.getBlocks()) {
    StringRef name = cast<FlatSymbolRefAttr>(block).getValue();
    name.consume_back(kForwardSuffix);
    blocks.push_back(FlatSymbolRefAttr::get(getContext(), (name + kAdjointSuffix).str()));
  }
  // Below the first layer with parameters there is nothing to differentiate by.
  int64_t first = 0;
  if (!a.isActive(getHidden())) {
    SymbolTableCollection symbols;
    first = llvm::find_if(getSchedule(),
                          [&](int32_t block) {
                            return llvm::any_of(
                                cast<ArrayAttr>(getWeights()[block]), [&](Attribute family) {
                                  return lookupFamily(*this, family, symbols).trained;
                                });
                          }) -
            getSchedule().begin();
  }
  SmallVector<Value> shared;
  for (Value v : getShared())
    shared.push_back(a.primal(v));
  a.add(getHidden(),
        LayersAdjointOp::create(a.b, getLoc(), getHidden().getType(), a.adjoint(getResult()),
                                forward.getSaved(), shared, a.b.getArrayAttr(blocks),
                                getWeightsAttr(), getScheduleAttr(), a.b.getI64IntegerAttr(first))
            .getResult());
}
