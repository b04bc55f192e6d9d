// Verifiers of the products of training.
#include "dialects/kernel/IR/KernelDialect.h"
#include "dialects/llm/Formats/PackedLayout.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace llmc;
using namespace llmc::kernel;

LogicalResult FactorType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t columns,
                                 FactorForm) {
  if (columns < 1 || columns % 32)
    return emitError() << "a factor has whole tiles of 32 columns, not " << columns;
  return success();
}

LogicalResult ParameterType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t rows,
                                    int64_t columns) {
  if (rows < 1 || columns < rows)
    return emitError() << "a parameter has rows, and is not higher than wide";
  return success();
}

LogicalResult ColumnVectorType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t length) {
  if (length < 1)
    return emitError() << "length must be positive";
  return success();
}

LogicalResult SavedType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t layers,
                                int64_t width) {
  if (layers < 1 || width < 1)
    return emitError() << "layers and width must be positive";
  return success();
}

LogicalResult ProductOp::verify() {
  auto weight = cast<RankedTensorType>(getWeight().getType());
  if (weight.getRank() != 2 || !isa_and_nonnull<llm::PackedAttr>(weight.getEncoding()))
    return emitOpError() << "needs a packed weight matrix, not " << weight;
  PackedLayout layout(*llm::getBlockFormat(weight.getElementType()));
  const int64_t padded = layout.units(weight.getDimSize(1)) * layout.unitWeights();
  const int64_t out = getOut().getType().getWidth();
  int64_t rows = out;
  if (auto factor = dyn_cast<FactorType>(getInput().getType())) {
    if ((factor.getForm() == FactorForm::Pairs) != getTransposed())
      return emitOpError() << "takes a factor of rows, and one of pairs when transposed";
    if (getTransposed())
      rows = std::min(factor.getColumns(), weight.getDimSize(0) - int64_t(getFirstRow()));
    else if (factor.getColumns() < padded)
      return emitOpError() << "a factor of " << factor.getColumns()
                           << " columns does not cover the units of " << weight;
  } else {
    const int64_t width = cast<BufferType>(getInput().getType()).getWidth();
    if (getTransposed())
      rows = width;
    else if (width != weight.getDimSize(1))
      return emitOpError() << "input has " << width << " columns, expected "
                           << weight.getDimSize(1);
  }
  if (getTransposed() && out != weight.getDimSize(1))
    return emitOpError() << "output has " << out << " columns, expected " << weight.getDimSize(1);
  const int64_t first = getFirstRow();
  if (first < 0 || first % 16 || first + rows > weight.getDimSize(0))
    return emitOpError() << "first_row is a multiple of 16 with " << rows << " rows behind it in "
                         << weight;
  if (getAddend() && getAddend().getType() != getOut().getType())
    return emitOpError() << "addend and output must have the same type";
  return success();
}

// A packed matrix of f32.
static LogicalResult checkGradient(Operation *op, Value gradient) {
  auto type = cast<RankedTensorType>(gradient.getType());
  if (type.getRank() == 2 && type.getElementType().isF32() &&
      isa_and_nonnull<llm::PackedAttr>(type.getEncoding()))
    return success();
  return op->emitOpError() << "needs a packed matrix of f32, not " << type;
}

LogicalResult WeightAdjointOp::verify() {
  if (failed(checkGradient(*this, getGradient())))
    return failure();
  auto type = cast<RankedTensorType>(getGradient().getType());
  const int64_t first = getFirstRow(), rows = getAdjoint().getType().getWidth();
  if (first < 0 || first % 16 || first + rows > type.getDimSize(0))
    return emitOpError() << "first_row is a multiple of 16 with " << rows << " rows behind it in "
                         << type;
  if (getInput().getType().getWidth() != type.getDimSize(1))
    return emitOpError() << "input has " << getInput().getType().getWidth()
                         << " columns, expected " << type.getDimSize(1);
  return success();
}

LogicalResult SumRowsOp::verify() {
  auto type = cast<RankedTensorType>(getGradient().getType());
  if (type.getRank() != 1 || !type.getElementType().isF32() ||
      getRows().getType().getWidth() % type.getDimSize(0))
    return emitOpError() << "rows of " << getRows().getType().getWidth()
                         << " columns cannot be added to " << type;
  if (getDivisor() && getDivisor().getType().getLength() != type.getDimSize(0))
    return emitOpError() << "divides " << type << " by " << getDivisor().getType();
  return success();
}

LogicalResult EmbedAdjointOp::verify() {
  if (failed(checkGradient(*this, getGradient())))
    return failure();
  auto type = cast<RankedTensorType>(getGradient().getType());
  if (getAdjoint().getType().getWidth() != type.getDimSize(1))
    return emitOpError() << "rows of " << getAdjoint().getType().getWidth()
                         << " columns cannot be added to " << type;
  return success();
}

LogicalResult RowNormsOp::verify() {
  auto weight = cast<RankedTensorType>(getWeight().getType());
  if (weight.getRank() != 2 || !isa_and_nonnull<llm::PackedAttr>(weight.getEncoding()))
    return emitOpError() << "needs a packed weight matrix, not " << weight;
  ParameterType a = getA().getType(), b = getB().getType();
  if (a.getWidth() != weight.getDimSize(1) || b.getWidth() != weight.getDimSize(0) ||
      a.getRank() != b.getRank() || getOut().getType().getLength() != weight.getDimSize(0))
    return emitOpError() << a << " and " << b << " are no adapter of " << weight
                         << " whose rank is lower than its sides";
  return success();
}

LogicalResult ScaleColumnsOp::verify() {
  const int64_t width = getInput().getType().getWidth();
  auto fits = [&](Value vector) {
    auto type = cast<RankedTensorType>(vector.getType());
    return type.getRank() == 1 && type.getDimSize(0) == width;
  };
  if (getNorms().getType().getLength() != width || !fits(getMagnitude()) ||
      (getBias() && !fits(getBias())) || getOut().getType() != getInput().getType())
    return emitOpError() << "takes vectors of " << width << ", the columns of its rows";
  return success();
}

// The columns of a parameter that an operation on rows uses.
template <class Op>
static LogicalResult checkWidths(Op op, ParameterType matrix, int64_t rank, int64_t width) {
  const int64_t first = op.getFirstColumn();
  if (matrix.getRank() == rank && first >= 0 && first % 16 == 0 &&
      first + width <= matrix.getWidth())
    return success();
  return op.emitOpError() << "rows of " << rank << " and " << width << " from column " << first
                          << " on do not fit " << matrix;
}

LogicalResult DotsOp::verify() {
  return checkWidths(*this, getMatrix().getType(), getOut().getType().getWidth(),
                     getInput().getType().getWidth());
}

LogicalResult ExpandOp::verify() {
  return checkWidths(*this, getMatrix().getType(), getInput().getType().getWidth(),
                     getOut().getType().getWidth());
}

LogicalResult OuterOp::verify() {
  return checkWidths(*this, getGradient().getType(), getNarrow().getType().getWidth(),
                     getWide().getType().getWidth());
}
