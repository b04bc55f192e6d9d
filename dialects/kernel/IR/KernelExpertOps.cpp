// Verifiers of the operations for mixtures of experts.
#include "dialects/kernel/IR/KernelDialect.h"
#include "dialects/llm/Formats/PackedLayout.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace llmc;
using namespace llmc::kernel;

LogicalResult RoutingType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t experts,
                                  int64_t topK, int64_t tile) {
  // So that no size of a table overflows.
  constexpr int64_t kMostExperts = 1 << 16;
  if (experts < 1 || experts > kMostExperts)
    return emitError() << "a layer has 1 to " << kMostExperts << " experts, not " << experts;
  if (topK < 1 || topK > experts)
    return emitError() << "a token has 1 to " << experts << " experts, not " << topK;
  if (tile < 1 || tile > kAmxTile)
    return emitError() << "a tile has 1 to " << kAmxTile << " tokens, not " << tile;
  return success();
}

LogicalResult RoutedType::verify(function_ref<InFlightDiagnostic()> emitError, Type content,
                                 RoutingType routing) {
  if (auto packed = dyn_cast<PackedType>(content)) {
    if (packed.getMaxTile() != routing.getTile())
      return emitError() << "tiles of " << packed.getMaxTile()
                         << " tokens are in no order of tiles of " << routing.getTile();
    return success();
  }
  auto buffer = dyn_cast<BufferType>(content);
  if (!buffer || !buffer.getElementType().isF32())
    return emitError() << "only rows of f32 and packed activations are routed, not " << content;
  return success();
}

int64_t RoutedType::getBytes(int64_t maxRows) const {
  const int64_t tiles = getRouting().getLayout(maxRows).tiles;
  if (PackedType packed = getPacked())
    return tiles * packed.getTileBytes();
  return llvm::alignTo(tiles * getRouting().getTile() * getBuffer().getRowBytes(), 64);
}

namespace {

// Routed operands are in the order of the operation's own routing.
LogicalResult checkRouting(Operation *op, Type operand, RoutingType routing) {
  auto routed = dyn_cast<RoutedType>(operand);
  if (!routed || routed.getRouting() == routing)
    return success();
  return op->emitOpError() << routed << " is not in the order of " << routing;
}

// The width of rows, of tokens or of places; 0 for what are no rows of f32.
int64_t widthOf(Type rows) {
  auto buffer = dyn_cast<BufferType>(rows);
  if (auto routed = dyn_cast<RoutedType>(rows))
    buffer = routed.getBuffer();
  return buffer && buffer.getElementType().isF32() ? buffer.getWidth() : 0;
}

} // namespace

LogicalResult RouteOp::verify() {
  const int64_t experts = getRouting().getType().getExperts();
  if (widthOf(getLogits().getType()) != experts)
    return emitOpError() << "needs " << experts << " logits, one per expert, not "
                         << getLogits().getType();
  return success();
}

LogicalResult PackRoutedOp::verify() {
  RoutingType routing = getRouting().getType();
  for (Type type : {getInput().getType(), Type(getOut().getType())})
    if (failed(checkRouting(*this, type, routing)))
      return failure();
  PackedType packed = getOut().getType().getPacked();
  if (!packed)
    return emitOpError() << "packs into packed activations, not " << getOut().getType();
  const int64_t width = widthOf(getInput().getType());
  if (width < 1 || width > packed.getColumns())
    return emitOpError() << "rows of " << width << " f32 cannot be packed to "
                         << packed.getColumns() << " columns";
  if (getShared() && isa<RoutedType>(getInput().getType()))
    return emitOpError() << "only rows of tokens are shared";
  return success();
}

LogicalResult ExpertMatmulOp::verify() {
  RoutingType routing = getRouting().getType();
  for (Type type : {getInput().getType(), getOut().getType()})
    if (failed(checkRouting(*this, type, routing)))
      return failure();
  PackedType input = getInput().getType().getPacked();
  BufferType out = getOut().getType().getBuffer();
  if (!input || !out)
    return emitOpError() << "multiplies packed activations and writes rows";
  auto weight = cast<RankedTensorType>(getWeight().getType());
  const BlockFormat *format = llm::getBlockFormat(weight.getElementType());
  if (weight.getRank() != 3 || !isa_and_nonnull<llm::PackedAttr>(weight.getEncoding()))
    return emitOpError() << "needs packed weights of experts, not " << weight;
  if (weight.getDimSize(0) != routing.getExperts())
    return emitOpError() << "has weights of " << weight.getDimSize(0) << " experts, the routing "
                         << routing.getExperts();
  if (weight.getDimSize(1) % kPackedRows != 0)
    return emitOpError() << "matrices of experts have a multiple of " << kPackedRows
                         << " rows, not " << weight.getDimSize(1);
  const bool isFloat = format->weights == 1;
  if (isFloat == input.isInteger8())
    return emitOpError() << "weights of " << format->name << " take " << (isFloat ? "f32" : "i8")
                         << " activations";
  PackedLayout layout(*format);
  if (input.getColumns() <
      static_cast<int64_t>(layout.units(weight.getDimSize(2)) * layout.unitWeights()))
    return emitOpError() << "activations of " << input.getColumns()
                         << " columns do not cover the units of " << weight;
  if (getEpilogue() == Epilogue::Add || (getEpilogue() == Epilogue::Store) == bool(getOther()))
    return emitOpError()
           << "swiglu takes another buffer, store takes none, and add is unknown here";
  if (getOther() && getOther().getType() != getOut().getType())
    return emitOpError() << "other and output must have the same type";
  if (out.getWidth() != weight.getDimSize(1))
    return emitOpError() << "output has " << out.getWidth() << " columns, expected "
                         << weight.getDimSize(1);
  return success();
}

LogicalResult ExpertSumOp::verify() {
  if (failed(checkRouting(*this, getInput().getType(), getRouting().getType())))
    return failure();
  if (getInput().getType().getContent() != getOut().getType())
    return emitOpError() << "rows of experts and of the sum must have the same type";
  if (getResidual() && getResidual().getType() != getOut().getType())
    return emitOpError() << "residual and output must have the same type";
  return success();
}

LogicalResult ExpertSumSquaresOp::verify() {
  if (failed(checkRouting(*this, getInput().getType(), getRouting().getType())))
    return failure();
  const int64_t width = widthOf(getInput().getType());
  llm::ColumnSumsType sums = getSums().getType();
  if (sums.getColumns() != width + 1 || sums.getLayers() % getRouting().getType().getExperts() != 0)
    return emitOpError() << "needs sums of " << width << " columns and a count, for each of "
                         << getRouting().getType().getExperts() << " experts of each layer";
  return success();
}
