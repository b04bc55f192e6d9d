// Verifiers of the operations for training.
#include "dialects/llm/IR/LlmDialect.h"
#include "dialects/llm/IR/Verifiers.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace llmc;
using namespace llmc::llm;

LogicalResult ParameterOp::verify() {
  if (failed(verifyFamily(*this, getSource(), getLayers())))
    return failure();
  auto type = cast<RankedTensorType>(getType());
  if ((type.getRank() != 2 && type.getRank() != 1) || !type.hasStaticShape() ||
      !type.getElementType().isF32() || llvm::is_contained(type.getShape(), 0))
    return emitOpError() << "a parameter is a matrix or vector of f32 of known shape, not " << type;
  if (type.getEncoding() && (type.getRank() != 2 || !isa<PackedAttr>(type.getEncoding())))
    return emitOpError() << "a parameter lies row after row, or is a packed matrix, not " << type;
  if (getFirstRow() && static_cast<int64_t>(*getFirstRow()) < 0)
    return emitOpError() << "the first row must not be negative";
  return success();
}

std::string ParameterOp::getSourceName(int64_t index) {
  std::string name = sourceName(getSource(), getLayers(), index);
  return getFirstRow() ? name + ".row." + llvm::utostr(*getFirstRow()) : name;
}

LogicalResult GetParameterOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto parameter = symbols.lookupNearestSymbolFrom<ParameterOp>(*this, getParameterAttr());
  if (!parameter)
    return emitOpError() << "no parameter named " << getParameterAttr();
  if (parameter.getLayers())
    return emitOpError() << getParameterAttr() << " is a family of matrices, for llm.layers only";
  if (parameter.getType() != getResult().getType())
    return emitOpError() << "parameter " << getParameterAttr() << " has type "
                         << parameter.getType();
  return success();
}

LogicalResult AccumulateGradientOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto parameter = symbols.lookupNearestSymbolFrom<ParameterOp>(*this, getParameterAttr());
  if (!parameter)
    return emitOpError() << "no parameter named " << getParameterAttr();
  if (parameter.getLayers().has_value() != bool(getLayer()))
    return emitOpError() << (getLayer() ? "has a layer, but " : "needs a layer, because ")
                         << getParameterAttr()
                         << (getLayer() ? " is no family" : " is a family of matrices");
  if (parameter.getType() != getValue().getType())
    return emitOpError() << "parameter " << getParameterAttr() << " has type "
                         << parameter.getType();
  return success();
}

namespace {

LogicalResult checkShape(Operation *op, Value tensor, ArrayRef<int64_t> shape, StringRef what) {
  RankedTensorType type = tensorOf(tensor);
  if (type.getShape() == shape)
    return success();
  return op->emitOpError() << what << " is " << type << ", expected " << shape[0] << " rows of "
                           << shape[1];
}

// Widths of attention's operands; the adjoint names all of these alike.
template <class Op>
LogicalResult checkCausalAttention(Op op, Value output) {
  auto positive = [&](uint64_t value, StringRef what) -> LogicalResult {
    // So that no product of widths overflows.
    constexpr int64_t kMost = int64_t(1) << 31;
    int64_t number = static_cast<int64_t>(value);
    if (number >= 1 && number <= kMost)
      return success();
    return op.emitOpError() << what << " must be from 1 to " << kMost << ", not " << number;
  };
  if (failed(positive(op.getHeads(), "heads")) || failed(positive(op.getKvHeads(), "kv_heads")) ||
      failed(positive(op.getSequence(), "sequence")))
    return failure();
  if (static_cast<int64_t>(op.getWindow()) < 0)
    return op.emitOpError() << "window must not be negative";
  int64_t heads = op.getHeads(), kvHeads = op.getKvHeads();
  if (heads % kvHeads != 0)
    return op.emitOpError() << heads << " heads cannot share " << kvHeads << " key/value heads";
  int64_t query = getWidth(op.getQuery()), values = getWidth(op.getValues());
  if (query % heads != 0)
    return op.emitOpError() << heads << " heads do not divide the " << query
                            << " columns of the query";
  if (values % kvHeads != 0)
    return op.emitOpError() << kvHeads << " key/value heads do not divide the " << values
                            << " columns of the values";
  if (failed(checkWidth(op, op.getKeys(), query / heads * kvHeads, "keys")) ||
      failed(checkWidth(op, op.getLogSums(), heads, "log_sums")))
    return failure();
  int64_t width;
  if (llvm::MulOverflow(values / kvHeads, heads, width))
    return op.emitOpError() << "has too many heads to number the columns of the result";
  return checkWidth(op, output, width, "result");
}

template <class Op>
LogicalResult checkCrossEntropy(Op op) {
  if (failed(checkMatrix(op, op.getWeight(), getWidth(op.getInput()))) ||
      failed(checkWidth(op, op.getLogSums(), 1, "log_sums")))
    return failure();
  if (op.getAdapter().empty())
    return success();
  if (op.getAdapter().size() != 2)
    return op.emitOpError() << "an adapter is two tensors, rows and a matrix";
  return checkShape(op, op.getAdapter()[1],
                    {tensorOf(op.getWeight()).getDimSize(0), getWidth(op.getAdapter()[0])},
                    "the adapter's matrix");
}

} // namespace

LogicalResult MatmulOp::verify() {
  RankedTensorType matrix = tensorOf(getMatrix());
  int64_t in = matrix.getDimSize(getTransposed() ? 1 : 0);
  int64_t out = matrix.getDimSize(getTransposed() ? 0 : 1);
  if (failed(checkWidth(*this, getInput(), in, "input")))
    return failure();
  if (getAddend() && failed(checkWidth(*this, getAddend(), out, "addend")))
    return failure();
  return checkWidth(*this, getResult(), out, "result");
}

LogicalResult DropoutOp::verify() {
  float rate = getRate().convertToFloat();
  if (!(rate >= 0 && rate < 1))
    return emitOpError() << "rate must be at least 0 and below 1";
  return success();
}

OpFoldResult DropoutOp::fold(FoldAdaptor) {
  return getRate().isZero() ? OpFoldResult(getInput()) : OpFoldResult();
}

LogicalResult NoiseOp::verify() {
  float amplitude = getAmplitude().convertToFloat();
  if (!(amplitude >= 0 && std::isfinite(amplitude)))
    return emitOpError() << "amplitude must be a finite number of at least 0";
  return success();
}

OpFoldResult NoiseOp::fold(FoldAdaptor) {
  return getAmplitude().isZero() ? OpFoldResult(getInput()) : OpFoldResult();
}

LogicalResult CausalAttentionOp::verify() { return checkCausalAttention(*this, getResult()); }

LogicalResult CausalAttentionAdjointOp::verify() {
  if (failed(checkCausalAttention(*this, getOutput())))
    return failure();
  if (getAdjoint().getType() != getOutput().getType() ||
      getQueryAdjoint().getType() != getQuery().getType() ||
      getKeysAdjoint().getType() != getKeys().getType() ||
      getValuesAdjoint().getType() != getValues().getType())
    return emitOpError() << "derivatives have the types of what they are by";
  return success();
}

LogicalResult LinearCrossEntropyOp::verify() {
  if (failed(checkWidth(*this, getLosses(), 1, "losses")))
    return failure();
  return checkCrossEntropy(*this);
}

LogicalResult LinearCrossEntropyAdjointOp::verify() {
  if (failed(checkWidth(*this, getAdjoint(), 1, "adjoint")) || failed(checkCrossEntropy(*this)))
    return failure();
  const bool asAdapter = llvm::equal(getFurtherAdjoints().getTypes(), getAdapter().getTypes());
  const bool asWeight = getWeightAdjoint() && getWeightAdjoint().getType() == getWeight().getType();
  if (getInputAdjoint().getType() != getInput().getType() || (!asAdapter && !asWeight))
    return emitOpError() << "derivatives have the types of what they are by";
  return success();
}

LogicalResult LinearTransposedOp::verify() {
  RankedTensorType weight = tensorOf(getWeight());
  if (failed(checkRowsOfBlocks(*this, weight)) ||
      failed(checkWidth(*this, getInput(), weight.getDimSize(0), "input")))
    return failure();
  if (getAddend() && failed(checkWidth(*this, getAddend(), weight.getDimSize(1), "addend")))
    return failure();
  return checkWidth(*this, getResult(), weight.getDimSize(1), "result");
}

LogicalResult OuterOp::verify() {
  return checkShape(*this, getResult(), {getWidth(getLhs()), getWidth(getRhs())}, "result");
}

LogicalResult EmbedAdjointOp::verify() {
  return checkWidth(*this, getResult(), getWidth(getAdjoint()), "result");
}

LogicalResult RmsNormAdjointOp::verify() { return checkRmsNorm(*this); }

LogicalResult RmsNormWeightAdjointOp::verify() { return checkRmsNorm(*this); }

// Of a vector with an element for each column.
template <class Op>
static LogicalResult checkColumns(Op op, Value vector, Value rows) {
  if (tensorOf(vector).getDimSize(0) == getWidth(rows))
    return success();
  return op.emitOpError() << "has rows of " << getWidth(rows) << " columns, but a vector of "
                          << tensorOf(vector).getDimSize(0);
}

LogicalResult LayerNormAdjointOp::verify() { return checkColumns(*this, getWeight(), getInput()); }

LogicalResult LayerNormWeightAdjointOp::verify() {
  return checkColumns(*this, getResult(), getInput());
}

LogicalResult SumRowsOp::verify() {
  if (getDivisor() && getDivisor().getType() != getResult().getType())
    return emitOpError() << "result and divisor must have the same type";
  return checkColumns(*this, getResult(), getInput());
}

LogicalResult RowNormsOp::verify() {
  RankedTensorType weight = tensorOf(getWeight()), a = tensorOf(getA()), b = tensorOf(getB());
  const int64_t rows = weight.getDimSize(0), rank = a.getDimSize(0);
  if (failed(checkRowsOfBlocks(*this, weight)) ||
      failed(checkShape(*this, getA(), {rank, weight.getDimSize(1)}, "a")) ||
      failed(checkShape(*this, getB(), {rows, rank}, "b")))
    return failure();
  if (tensorOf(getResult()).getDimSize(0) != rows)
    return emitOpError() << "has a result of " << tensorOf(getResult()).getDimSize(0)
                         << " norms for " << rows << " rows";
  return success();
}

LogicalResult ScaleColumnsOp::verify() {
  if (getBias() && getBias().getType() != getMagnitude().getType())
    return emitOpError() << "bias and magnitude must have the same type";
  return checkColumns(*this, getMagnitude(), getInput());
}

LogicalResult RopeAdjointOp::verify() {
  int64_t dim = getHeadDim();
  if (dim <= 0 || getWidth(getAdjoint()) % dim != 0)
    return emitOpError() << "heads of " << dim << " do not divide " << getWidth(getAdjoint())
                         << " columns";
  if (getWidth(getTable()) > dim)
    return emitOpError() << "a table of " << getWidth(getTable())
                         << " columns is too wide for heads of " << dim;
  return checkPairs(*this, getTable());
}
