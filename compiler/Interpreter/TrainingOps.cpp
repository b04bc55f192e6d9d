// The operations for training: fetches operands, leaves the numbers to TrainingMath.
#include "absl/strings/str_cat.h"
#include "compiler/Interpreter/Frame.h"
#include "compiler/Interpreter/Status.h"
#include "compiler/Interpreter/TrainingMath.h"

using namespace mlir;

namespace llmc {
namespace {

template <class Real>
absl::StatusOr<TensorRef<Real>> snapshot(const absl::StatusOr<Parameter<Real> *> &parameter) {
  LLMC_RETURN_IF_ERROR(parameter.status());
  return std::make_shared<const TensorValue<Real>>((*parameter)->value);
}

template <class Real>
absl::Status getParameter(llm::GetParameterOp op, Frame<Real> &frame) {
  auto symbol = SymbolTable::lookupNearestSymbolFrom<llm::ParameterOp>(op, op.getParameterAttr());
  return frame.set(op.getResult(), snapshot(frame.interpreter().parameter(symbol, 0)));
}

template <class Real>
absl::Status accumulateGradient(llm::AccumulateGradientOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> value, frame.tensor(op.getValue()));
  auto symbol = SymbolTable::lookupNearestSymbolFrom<llm::ParameterOp>(op, op.getParameterAttr());
  int64_t index = 0;
  if (op.getLayer()) {
    LLMC_ASSIGN_OR_RETURN(int64_t layer, frame.index(op.getLayer()));
    ArrayRef<int32_t> layers = *symbol.getLayers();
    index = llvm::find(layers, layer) - layers.begin();
    if (index == static_cast<int64_t>(layers.size()))
      return absl::InvalidArgumentError(
          absl::StrCat("parameter ", symbol.getSymName().str(), " has no matrix of layer ", layer));
  }
  LLMC_ASSIGN_OR_RETURN(Parameter<Real> * parameter, frame.interpreter().parameter(symbol, index));
  for (size_t i = 0; i < value->data.size(); ++i)
    parameter->gradient.data[i] += value->data[i];
  return absl::OkStatus();
}

template <class Real>
absl::Status matmul(llm::MatmulOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> input, frame.tensor(op.getInput()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> matrix, frame.tensor(op.getMatrix()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> addend, frame.optionalTensor(op.getAddend()));
  LLMC_ASSIGN_OR_RETURN(TensorValue<Real> result,
                        op.getTransposed() ? reference::linear<Real>(*input, *matrix, nullptr)
                                           : reference::linearTransposed(*input, *matrix));
  for (Real &x : result.data)
    x *= static_cast<Real>(op.getScale().convertToDouble());
  if (!addend)
    return frame.setTensor(op.getResult(), std::move(result));
  return frame.setTensor(op.getResult(), reference::add(*addend, result));
}

template <class Real>
absl::Status linearTransposed(llm::LinearTransposedOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> input, frame.tensor(op.getInput()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> weight, frame.tensor(op.getWeight()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> addend, frame.optionalTensor(op.getAddend()));
  LLMC_ASSIGN_OR_RETURN(TensorValue<Real> result, reference::linearTransposed(*input, *weight));
  if (!addend)
    return frame.setTensor(op.getResult(), std::move(result));
  return frame.setTensor(op.getResult(), reference::add(*addend, result));
}

template <class Real>
absl::Status outer(llm::OuterOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> lhs, frame.tensor(op.getLhs()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> rhs, frame.tensor(op.getRhs()));
  return frame.setTensor(op.getResult(),
                         reference::outer(*lhs, *rhs, op.getScale().convertToDouble()));
}

template <class Real>
absl::Status dropout(llm::DropoutOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> input, frame.tensor(op.getInput()));
  LLMC_ASSIGN_OR_RETURN(int64_t seed, frame.index(op.getSeed()));
  LLMC_ASSIGN_OR_RETURN(int64_t layer, frame.index(op.getLayer()));
  reference::DropoutKey key{seed, layer, static_cast<int64_t>(op.getSite()),
                            op.getRate().convertToDouble()};
  return frame.setTensor(op.getResult(), reference::dropout(*input, key));
}

template <class Real>
absl::Status noise(llm::NoiseOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> input, frame.tensor(op.getInput()));
  LLMC_ASSIGN_OR_RETURN(int64_t seed, frame.index(op.getSeed()));
  reference::NoiseKey key{seed, static_cast<int64_t>(op.getSite()),
                          op.getAmplitude().convertToDouble()};
  return frame.setTensor(op.getResult(), reference::noise(*input, key));
}

// For llm.causal_attention and its adjoint, which name these things alike.
template <class Op>
reference::CausalShape shapeOf(Op op) {
  return {.heads = static_cast<int64_t>(op.getHeads()),
          .kvHeads = static_cast<int64_t>(op.getKvHeads()),
          .sequence = static_cast<int64_t>(op.getSequence()),
          .scale = op.getScale().convertToDouble(),
          .window = static_cast<int64_t>(op.getWindow())};
}

template <class Real>
absl::Status causalAttention(llm::CausalAttentionOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> query, frame.tensor(op.getQuery()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> keys, frame.tensor(op.getKeys()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> values, frame.tensor(op.getValues()));
  LLMC_ASSIGN_OR_RETURN(auto y, reference::causalAttention(*query, *keys, *values, shapeOf(op)));
  LLMC_RETURN_IF_ERROR(frame.setTensor(op.getResult(), std::move(y.result)));
  return frame.setTensor(op.getLogSums(), std::move(y.logSums));
}

template <class Real>
absl::Status causalAttentionAdjoint(llm::CausalAttentionAdjointOp op, Frame<Real> &frame) {
  std::vector<TensorRef<Real>> in;
  for (mlir::Value operand : op->getOperands()) {
    LLMC_ASSIGN_OR_RETURN(TensorRef<Real> tensor, frame.tensor(operand));
    in.push_back(std::move(tensor));
  }
  LLMC_ASSIGN_OR_RETURN(auto d, reference::causalAttentionAdjoint(*in[0], *in[1], *in[2], *in[3],
                                                                  *in[4], *in[5], shapeOf(op)));
  LLMC_RETURN_IF_ERROR(frame.setTensor(op.getQueryAdjoint(), std::move(d.query)));
  LLMC_RETURN_IF_ERROR(frame.setTensor(op.getKeysAdjoint(), std::move(d.keys)));
  return frame.setTensor(op.getValuesAdjoint(), std::move(d.values));
}

// What both operations on the output matrix take.
template <class Real>
struct HeadOperands {
  TensorRef<Real> input, weight, rows, matrix;
  std::vector<int32_t> targets;

  reference::Head<Real> head() const { return {*input, *weight, rows.get(), matrix.get()}; }
};

template <class Op, class Real>
absl::StatusOr<HeadOperands<Real>> headOf(Op op, Frame<Real> &frame) {
  HeadOperands<Real> in;
  LLMC_ASSIGN_OR_RETURN(in.input, frame.tensor(op.getInput()));
  LLMC_ASSIGN_OR_RETURN(in.weight, frame.tensor(op.getWeight()));
  LLMC_ASSIGN_OR_RETURN(InterpreterValue<Real> targets, frame.get(op.getTargets()));
  in.targets = std::get<TokensValue>(targets).tokens;
  if (!op.getAdapter().empty()) {
    LLMC_ASSIGN_OR_RETURN(in.rows, frame.tensor(op.getAdapter()[0]));
    LLMC_ASSIGN_OR_RETURN(in.matrix, frame.tensor(op.getAdapter()[1]));
  }
  return in;
}

template <class Real>
absl::Status linearCrossEntropy(llm::LinearCrossEntropyOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(auto in, headOf(op, frame));
  LLMC_ASSIGN_OR_RETURN(auto y, reference::linearCrossEntropy<Real>(in.head(), in.targets));
  LLMC_RETURN_IF_ERROR(frame.setTensor(op.getLosses(), std::move(y.losses)));
  return frame.setTensor(op.getLogSums(), std::move(y.logSums));
}

template <class Real>
absl::Status linearCrossEntropyAdjoint(llm::LinearCrossEntropyAdjointOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(auto in, headOf(op, frame));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> adjoint, frame.tensor(op.getAdjoint()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> logSums, frame.tensor(op.getLogSums()));
  LLMC_ASSIGN_OR_RETURN(auto d, reference::linearCrossEntropyAdjoint<Real>(*adjoint, in.head(),
                                                                           in.targets, *logSums));
  LLMC_RETURN_IF_ERROR(frame.setTensor(op.getInputAdjoint(), std::move(d.input)));
  if (mlir::Value weight = op.getWeightAdjoint())
    return frame.setTensor(weight, std::move(d.weight));
  if (op.getFurtherAdjoints().empty())
    return absl::OkStatus();
  LLMC_RETURN_IF_ERROR(frame.setTensor(op.getFurtherAdjoints()[0], std::move(d.rows)));
  return frame.setTensor(op.getFurtherAdjoints()[1], std::move(d.matrix));
}

template <class Real>
absl::Status embedAdjoint(llm::EmbedAdjointOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> adjoint, frame.tensor(op.getAdjoint()));
  LLMC_ASSIGN_OR_RETURN(InterpreterValue<Real> tokens, frame.get(op.getTokens()));
  return frame.setTensor(
      op.getResult(), reference::embedAdjoint<Real>(*adjoint, std::get<TokensValue>(tokens).tokens,
                                                    op.getType().getDimSize(0)));
}

template <class Real>
absl::Status rmsNormAdjoint(llm::RmsNormAdjointOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> adjoint, frame.tensor(op.getAdjoint()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> input, frame.tensor(op.getInput()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> weight, frame.tensor(op.getWeight()));
  return frame.setTensor(op.getResult(), reference::rmsNormAdjoint(*adjoint, *input, *weight,
                                                                   op.getEps().convertToDouble()));
}

template <class Real>
absl::Status rmsNormWeightAdjoint(llm::RmsNormWeightAdjointOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> adjoint, frame.tensor(op.getAdjoint()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> input, frame.tensor(op.getInput()));
  return frame.setTensor(op.getResult(),
                         reference::rmsNormWeightAdjoint(*adjoint, *input,
                                                         op.getResult().getType().getDimSize(0),
                                                         op.getEps().convertToDouble()));
}

template <class Real>
absl::Status layerNormAdjoint(llm::LayerNormAdjointOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> adjoint, frame.tensor(op.getAdjoint()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> input, frame.tensor(op.getInput()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> weight, frame.tensor(op.getWeight()));
  return frame.setTensor(
      op.getResult(),
      reference::layerNormAdjoint(*adjoint, *input, *weight, op.getEps().convertToDouble()));
}

template <class Real>
absl::Status layerNormWeightAdjoint(llm::LayerNormWeightAdjointOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> adjoint, frame.tensor(op.getAdjoint()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> input, frame.tensor(op.getInput()));
  return frame.setTensor(op.getResult(), reference::layerNormWeightAdjoint(
                                             *adjoint, *input, op.getEps().convertToDouble()));
}

template <class Real>
absl::Status sumRows(llm::SumRowsOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> input, frame.tensor(op.getInput()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> divisor, frame.optionalTensor(op.getDivisor()));
  return frame.setTensor(op.getResult(), reference::sumRows(*input, divisor.get()));
}

template <class Real>
absl::Status rowNorms(llm::RowNormsOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> weight, frame.tensor(op.getWeight()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> a, frame.tensor(op.getA()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> b, frame.tensor(op.getB()));
  return frame.setTensor(op.getResult(),
                         reference::rowNorms(*weight, *a, *b, op.getScale().convertToDouble()));
}

template <class Real>
absl::Status scaleColumns(llm::ScaleColumnsOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> input, frame.tensor(op.getInput()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> magnitude, frame.tensor(op.getMagnitude()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> norms, frame.tensor(op.getNorms()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> bias, frame.optionalTensor(op.getBias()));
  return frame.setTensor(op.getResult(),
                         reference::scaleColumns(*input, *magnitude, *norms, bias.get()));
}

template <class Real>
absl::Status geluAdjoint(llm::GeluAdjointOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> adjoint, frame.tensor(op.getAdjoint()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> input, frame.tensor(op.getInput()));
  return frame.setTensor(op.getResult(), reference::geluAdjoint(*adjoint, *input));
}

template <class Real>
absl::Status ropeAdjoint(llm::RopeAdjointOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> adjoint, frame.tensor(op.getAdjoint()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> table, frame.tensor(op.getTable()));
  return frame.setTensor(op.getResult(),
                         reference::ropeAdjoint(*adjoint, *table, op.getHeadDim(), op.getHalves()));
}

template <class Real>
absl::Status siluAdjoint(llm::SiluAdjointOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> adjoint, frame.tensor(op.getAdjoint()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> input, frame.tensor(op.getInput()));
  return frame.setTensor(op.getResult(), reference::siluAdjoint(*adjoint, *input));
}

// Of a gated activation, given that of the gate and its adjoint.
template <class Real, class Op>
absl::Status
gatedAdjoint(Op op, Frame<Real> &frame, TensorValue<Real> (*activation)(const TensorValue<Real> &),
             absl::StatusOr<TensorValue<Real>> (*activationAdjoint)(const TensorValue<Real> &,
                                                                    const TensorValue<Real> &)) {
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> adjoint, frame.tensor(op.getAdjoint()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> gate, frame.tensor(op.getGate()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> up, frame.tensor(op.getUp()));
  LLMC_ASSIGN_OR_RETURN(TensorValue<Real> weighted, reference::mul(*adjoint, *up));
  LLMC_RETURN_IF_ERROR(frame.setTensor(op.getGateAdjoint(), activationAdjoint(weighted, *gate)));
  return frame.setTensor(op.getUpAdjoint(), reference::mul(*adjoint, activation(*gate)));
}

template <class Real>
absl::Status swigluAdjoint(llm::SwigluAdjointOp op, Frame<Real> &frame) {
  return gatedAdjoint<Real>(op, frame, reference::silu<Real>, reference::siluAdjoint<Real>);
}

template <class Real>
absl::Status gegluAdjoint(llm::GegluAdjointOp op, Frame<Real> &frame) {
  return gatedAdjoint<Real>(op, frame, reference::gelu<Real>, reference::geluAdjoint<Real>);
}

} // namespace

template <class Real>
void addTrainingOps(OpTable<Real> &table) {
  addOp<llm::GetParameterOp, getParameter<Real>>(table);
  addOp<llm::AccumulateGradientOp, accumulateGradient<Real>>(table);
  addOp<llm::MatmulOp, matmul<Real>>(table);
  addOp<llm::LinearTransposedOp, linearTransposed<Real>>(table);
  addOp<llm::OuterOp, outer<Real>>(table);
  addOp<llm::DropoutOp, dropout<Real>>(table);
  addOp<llm::NoiseOp, noise<Real>>(table);
  addOp<llm::CausalAttentionOp, causalAttention<Real>>(table);
  addOp<llm::CausalAttentionAdjointOp, causalAttentionAdjoint<Real>>(table);
  addOp<llm::LinearCrossEntropyOp, linearCrossEntropy<Real>>(table);
  addOp<llm::LinearCrossEntropyAdjointOp, linearCrossEntropyAdjoint<Real>>(table);
  addOp<llm::EmbedAdjointOp, embedAdjoint<Real>>(table);
  addOp<llm::RmsNormAdjointOp, rmsNormAdjoint<Real>>(table);
  addOp<llm::RopeAdjointOp, ropeAdjoint<Real>>(table);
  addOp<llm::SiluAdjointOp, siluAdjoint<Real>>(table);
  addOp<llm::SwigluAdjointOp, swigluAdjoint<Real>>(table);
  addOp<llm::GeluAdjointOp, geluAdjoint<Real>>(table);
  addOp<llm::GegluAdjointOp, gegluAdjoint<Real>>(table);
  addOp<llm::RmsNormWeightAdjointOp, rmsNormWeightAdjoint<Real>>(table);
  addOp<llm::LayerNormAdjointOp, layerNormAdjoint<Real>>(table);
  addOp<llm::LayerNormWeightAdjointOp, layerNormWeightAdjoint<Real>>(table);
  addOp<llm::SumRowsOp, sumRows<Real>>(table);
  addOp<llm::RowNormsOp, rowNorms<Real>>(table);
  addOp<llm::ScaleColumnsOp, scaleColumns<Real>>(table);
}

template void addTrainingOps(OpTable<float> &);
template void addTrainingOps(OpTable<double> &);

} // namespace llmc
