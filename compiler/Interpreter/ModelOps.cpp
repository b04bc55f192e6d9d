// The model math of the `llm` dialect: fetches operands, leaves the numbers to ReferenceMath.
#include "absl/strings/str_cat.h"
#include "compiler/Interpreter/Frame.h"
#include "compiler/Interpreter/Status.h"

using namespace mlir;

namespace llmc {
namespace {

template <class Real>
absl::Status embed(llm::EmbedOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(InterpreterValue<Real> tokens, frame.get(op.getTokens()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> weight, frame.tensor(op.getWeight()));
  return frame.setTensor(op.getResult(),
                         reference::embed<Real>(std::get<TokensValue>(tokens).tokens, *weight));
}

template <class Real>
absl::Status rmsNorm(llm::RmsNormOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> input, frame.tensor(op.getInput()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> weight, frame.tensor(op.getWeight()));
  return frame.setTensor(op.getResult(),
                         reference::rmsNorm(*input, *weight, op.getEps().convertToDouble()));
}

// Rows times a weight, as the frame's arithmetic multiplies them; `bias` may be null.
template <class Real>
reference::Result<Real> product(TensorRef<Real> input, mlir::Value weightOperand,
                                mlir::Value biasOperand, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> weight, frame.tensor(weightOperand));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> bias, frame.optionalTensor(biasOperand));
  if (Arithmetic<Real> *arithmetic = frame.interpreter().arithmetic())
    arithmetic->roundFactors(cast<RankedTensorType>(weightOperand.getType()), input, weight);
  return reference::linear(*input, *weight, bias.get());
}

template <class Real>
absl::Status layerNorm(llm::LayerNormOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> input, frame.tensor(op.getInput()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> weight, frame.tensor(op.getWeight()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> bias, frame.tensor(op.getBias()));
  return frame.setTensor(
      op.getResult(), reference::layerNorm(*input, *weight, *bias, op.getEps().convertToDouble()));
}

template <class Real>
absl::Status linear(llm::LinearOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> input, frame.tensor(op.getInput()));
  return frame.setTensor(op.getResult(), product(input, op.getWeight(), op.getBias(), frame));
}

// An operation on two tensors of the same shape.
template <class Op, auto function, class Real>
absl::Status binary(Op op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> lhs, frame.tensor(op->getOperand(0)));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> rhs, frame.tensor(op->getOperand(1)));
  return frame.setTensor(op.getResult(), function(*lhs, *rhs));
}

// An operation on one tensor.
template <class Op, auto function, class Real>
absl::Status unary(Op op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> input, frame.tensor(op.getInput()));
  return frame.setTensor(op.getResult(), function(*input));
}

template <class Real>
absl::Status scale(llm::ScaleOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> input, frame.tensor(op.getInput()));
  return frame.setTensor(op.getResult(),
                         reference::scale(*input, op.getFactor().convertToDouble()));
}

template <class Real>
absl::Status softcap(llm::SoftcapOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> input, frame.tensor(op.getInput()));
  return frame.setTensor(op.getResult(), reference::softcap(*input, op.getCap().convertToDouble()));
}

RopeScalingKind scalingKind(llm::RopeScaling scaling) {
  switch (scaling) {
  case llm::RopeScaling::None:
    return RopeScalingKind::None;
  case llm::RopeScaling::Linear:
    return RopeScalingKind::Linear;
  case llm::RopeScaling::Yarn:
    return RopeScalingKind::Yarn;
  }
  llvm_unreachable("a rope scaling without a kind");
}

template <class Real>
absl::Status ropeTable(llm::RopeTableOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(int64_t start, frame.index(op.getStart()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> factors, frame.optionalTensor(op.getFactors()));
  auto type = cast<RankedTensorType>(op.getType());
  int64_t rows = type.getDimSize(0);
  if (type.isDynamicDim(0)) {
    LLMC_ASSIGN_OR_RETURN(rows, frame.stepRows());
  }
  RopeParameters parameters{.dims = type.getDimSize(1),
                            .base = op.getBase().convertToDouble(),
                            .scaling = scalingKind(op.getScaling()),
                            .factor = op.getFactor().convertToDouble(),
                            .attentionFactor = op.getAttentionFactor().convertToDouble(),
                            .betaFast = op.getBetaFast().convertToDouble(),
                            .betaSlow = op.getBetaSlow().convertToDouble(),
                            .extrapolation = op.getExtrapolation().convertToDouble(),
                            .originalContext = static_cast<int64_t>(op.getOriginalContext())};
  return frame.setTensor(op.getResult(),
                         reference::ropeTable<Real>(parameters, factors.get(), start, rows,
                                                    static_cast<int64_t>(op.getSequence())));
}

template <class Real>
absl::Status rope(llm::RopeOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> input, frame.tensor(op.getInput()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> table, frame.tensor(op.getTable()));
  return frame.setTensor(op.getResult(),
                         reference::rope(*input, *table, op.getHeadDim(), op.getHalves()));
}

template <class Real>
absl::Status sumSquares(llm::SumSquaresOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> input, frame.tensor(op.getInput()));
  LLMC_ASSIGN_OR_RETURN(TensorValue<Real> * sums, frame.columnSums(op.getSums()));
  LLMC_ASSIGN_OR_RETURN(int64_t layer, frame.index(op.getLayer()));
  if (layer < 0 || layer >= sums->rows())
    return absl::InvalidArgumentError(
        absl::StrCat("layer ", layer, " of column sums that have ", sums->rows()));
  for (int64_t t = 0; t < input->rows(); ++t)
    for (int64_t k = 0; k < input->columns(); ++k)
      sums->row(layer)[k] += input->row(t)[k] * input->row(t)[k];
  return absl::OkStatus();
}

template <class Real>
absl::Status cacheWrite(llm::CacheWriteOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(KvCacheState<Real> * cache, frame.cache(op.getCache()));
  LLMC_ASSIGN_OR_RETURN(int64_t layer, frame.index(op.getLayer()));
  LLMC_ASSIGN_OR_RETURN(int64_t start, frame.index(op.getStart()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> keys, frame.tensor(op.getKeys()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> values, frame.tensor(op.getValues()));
  return cache->write(layer, start, *keys, *values);
}

// For llm.attention and llm.fused_attention, which name these things alike.
template <class Op, class Real>
reference::Result<Real> attend(Op op, const TensorValue<Real> &query,
                               const KvCacheState<Real> &cache, int64_t layer, int64_t start) {
  reference::AttentionShape shape{.kvHeads = cache.type().getHeads(),
                                  .key = cache.type().getKey(),
                                  .value = cache.type().getValue(),
                                  .start = start,
                                  .scale = op.getScale().convertToDouble(),
                                  .window = static_cast<int64_t>(op.getWindow()),
                                  .softcap = op.getSoftcap().convertToDouble()};
  return reference::attention<Real>(query, shape,
                                    [&](int64_t position) { return cache.at(layer, position); });
}

template <class Real>
absl::Status attention(llm::AttentionOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> query, frame.tensor(op.getQuery()));
  LLMC_ASSIGN_OR_RETURN(KvCacheState<Real> * cache, frame.cache(op.getCache()));
  LLMC_ASSIGN_OR_RETURN(int64_t layer, frame.index(op.getLayer()));
  LLMC_ASSIGN_OR_RETURN(int64_t start, frame.index(op.getStart()));
  return frame.setTensor(op.getResult(), attend(op, *query, *cache, layer, start));
}

template <class Real>
absl::Status fusedAttention(llm::FusedAttentionOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> query, frame.tensor(op.getQuery()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> keys, frame.tensor(op.getKeys()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> values, frame.tensor(op.getValues()));
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> table, frame.tensor(op.getTable()));
  LLMC_ASSIGN_OR_RETURN(KvCacheState<Real> * cache, frame.cache(op.getCache()));
  LLMC_ASSIGN_OR_RETURN(int64_t layer, frame.index(op.getLayer()));
  LLMC_ASSIGN_OR_RETURN(int64_t start, frame.index(op.getStart()));
  int64_t headDim = cache->type().getKey();
  LLMC_ASSIGN_OR_RETURN(auto turnedQuery, reference::rope(*query, *table, headDim, op.getHalves()));
  LLMC_ASSIGN_OR_RETURN(auto turnedKeys, reference::rope(*keys, *table, headDim, op.getHalves()));
  LLMC_RETURN_IF_ERROR(cache->write(layer, start, turnedKeys, *values));
  return frame.setTensor(op.getResult(), attend(op, turnedQuery, *cache, layer, start));
}

template <class Real>
absl::Status fusedLinear(llm::FusedLinearOp op, Frame<Real> &frame) {
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> given, frame.tensor(op.getInput()));
  TensorRef<Real> input = given;
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> norm, frame.optionalTensor(op.getNorm()));
  if (norm) {
    LLMC_ASSIGN_OR_RETURN(auto normed,
                          reference::rmsNorm(*given, *norm, op.getEps().convertToDouble()));
    input = std::make_shared<const TensorValue<Real>>(std::move(normed));
  }
  std::vector<TensorValue<Real>> products;
  for (auto [i, weight] : llvm::enumerate(op.getWeights())) {
    LLMC_ASSIGN_OR_RETURN(auto y, product(input, weight, op.getBiasOf(i), frame));
    products.push_back(std::move(y));
  }
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> residual, frame.optionalTensor(op.getResidual()));
  if (residual) {
    LLMC_ASSIGN_OR_RETURN(products[0], reference::add(*residual, products[0]));
  }
  switch (op.getActivation()) {
  case llm::Activation::None:
    break;
  case llm::Activation::Swiglu:
    return frame.setTensor(op.getProducts()[0], reference::swiglu(products[0], products[1]));
  case llm::Activation::Geglu:
    return frame.setTensor(op.getProducts()[0], reference::geglu(products[0], products[1]));
  case llm::Activation::Gelu:
    return frame.setTensor(op.getProducts()[0], reference::gelu(products[0]));
  }
  for (auto [result, product] : llvm::zip(op.getProducts(), products))
    LLMC_RETURN_IF_ERROR(frame.setTensor(result, std::move(product)));
  return absl::OkStatus();
}

} // namespace

template <class Real>
void addModelOps(OpTable<Real> &table) {
  addOp<llm::EmbedOp, embed<Real>>(table);
  addOp<llm::RmsNormOp, rmsNorm<Real>>(table);
  addOp<llm::LinearOp, linear<Real>>(table);
  addOp<llm::AddOp, binary<llm::AddOp, reference::add<Real>, Real>>(table);
  addOp<llm::MulOp, binary<llm::MulOp, reference::mul<Real>, Real>>(table);
  addOp<llm::SiluOp, unary<llm::SiluOp, reference::silu<Real>, Real>>(table);
  addOp<llm::GeluOp, unary<llm::GeluOp, reference::gelu<Real>, Real>>(table);
  addOp<llm::GegluOp, binary<llm::GegluOp, reference::geglu<Real>, Real>>(table);
  addOp<llm::LayerNormOp, layerNorm<Real>>(table);
  addOp<llm::ScaleOp, scale<Real>>(table);
  addOp<llm::SoftcapOp, softcap<Real>>(table);
  addOp<llm::SwigluOp, binary<llm::SwigluOp, reference::swiglu<Real>, Real>>(table);
  addOp<llm::RopeTableOp, ropeTable<Real>>(table);
  addOp<llm::RopeOp, rope<Real>>(table);
  addOp<llm::SumSquaresOp, sumSquares<Real>>(table);
  addOp<llm::CacheWriteOp, cacheWrite<Real>>(table);
  addOp<llm::AttentionOp, attention<Real>>(table);
  addOp<llm::FusedLinearOp, fusedLinear<Real>>(table);
  addOp<llm::FusedAttentionOp, fusedAttention<Real>>(table);
}

template void addModelOps(OpTable<float> &);
template void addModelOps(OpTable<double> &);

} // namespace llmc
