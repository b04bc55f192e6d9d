#include "dialects/kernel/IR/KernelDialect.h"
#include "dialects/kernel/IR/AttentionPlan.h"
#include "dialects/llm/Formats/PackedLayout.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace llmc;
using namespace llmc::kernel;

#include "dialects/kernel/IR/KernelDialect.cpp.inc"
#include "dialects/kernel/IR/KernelEnums.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/kernel/IR/KernelTypes.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/kernel/IR/KernelAttrs.cpp.inc"

#define GET_OP_CLASSES
#include "dialects/kernel/IR/KernelOps.cpp.inc"

void KernelDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/kernel/IR/KernelTypes.cpp.inc"
      >();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/kernel/IR/KernelAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/kernel/IR/KernelOps.cpp.inc"
      >();
}

static LogicalResult verifyTiles(function_ref<InFlightDiagnostic()> emitError,
                                 ArrayRef<int64_t> tiles) {
  if (tiles.empty() || tiles.front() != 1 || !llvm::is_sorted(tiles) || tiles.back() > kAmxTile)
    return emitError() << "tiles must ascend from 1 to at most " << kAmxTile;
  for (size_t i = 1; i < tiles.size(); ++i)
    if (tiles[i] - tiles[i - 1] - 1 > kRowPadding)
      return emitError() << "neighbouring tiles may differ by at most " << kRowPadding + 1;
  return success();
}

LogicalResult MemoryAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t far,
                                 int64_t near, int64_t panels) {
  for (int64_t distance : {far, near})
    if (distance < 64 || distance > 1 << 20 || distance % 64)
      return emitError() << "lines are asked for 64 bytes to 1 MiB ahead, in whole lines, not "
                         << distance;
  if (panels < 1 << 16 || panels > 1 << 28)
    return emitError() << "panels take 64 KiB to 256 MiB, not " << panels;
  return success();
}

LogicalResult TargetAttr::verify(function_ref<InFlightDiagnostic()> emitError, Dot dot,
                                 ArrayRef<int64_t> tiles, int64_t maxRows, MemoryAttr) {
  if (maxRows < 1)
    return emitError() << "max_rows must be positive";
  return verifyTiles(emitError, tiles);
}

LogicalResult BufferType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t width,
                                 Type elementType) {
  if (width < 1)
    return emitError() << "a buffer has at least one column, not " << width;
  if (!elementType.isF32() && !elementType.isInteger(32))
    return emitError() << "a buffer holds f32 or i32, not " << elementType;
  return success();
}

int64_t BufferType::getRowBytes() const {
  int64_t bytes = getElementType().getIntOrFloatBitWidth() / 8;
  // Token ids come from the caller, close together.
  return getElementType().isF32() ? llvm::alignTo(getWidth(), 16) * bytes : getWidth() * bytes;
}

LogicalResult PackedType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t columns,
                                 Type elementType, ArrayRef<int64_t> tiles,
                                 ArrayRef<int64_t> corrections, ArrayRef<int64_t> sums) {
  if (!elementType.isF32() && !elementType.isInteger(8))
    return emitError() << "packed activations are f32 or i8, not " << elementType;
  if (columns < 1)
    return emitError() << "packed activations have at least one column, not " << columns;
  if (elementType.isInteger(8) && columns % kActivationBlock != 0)
    return emitError() << "quantized activations need a multiple of " << kActivationBlock
                       << " columns, not " << columns;
  if (corrections.size() % 2 != 0)
    return emitError() << "corrections are pairs of an offset and a length";
  for (size_t i = 1; i < corrections.size(); i += 2)
    if (corrections[i] < 1)
      return emitError() << "a correction is over at least one element, not " << corrections[i];
  for (int64_t length : sums)
    if (length < 1)
      return emitError() << "a sum is over at least one element, not " << length;
  return verifyTiles(emitError, tiles);
}

int64_t PackedType::getScaleOffset() const { return getColumns() * getMaxTile(); }

int64_t PackedType::getCorrectionOffset(unsigned index) const {
  int64_t offset = getScaleOffset() + getColumns() / kActivationBlock * getMaxTile() * 4;
  for (unsigned i = 0; i < index; ++i)
    offset += getColumns() / getCorrections()[2 * i + 1] * getMaxTile() * 4;
  return offset;
}

int64_t PackedType::getSumOffset(unsigned index) const {
  int64_t offset = getCorrectionOffset(getCorrections().size() / 2);
  for (unsigned i = 0; i < index; ++i)
    offset += getColumns() / getSums()[i] * getMaxTile() * 4;
  return offset;
}

int64_t PackedType::getTileBytes() const {
  int64_t bytes =
      isInteger8() ? getSumOffset(getSums().size()) : getColumns() * getMaxTile() * int64_t(4);
  if (isInteger8() && getMaxTile() == kAmxTile)
    bytes = std::max(bytes, getColumns() * kAmxTile * 2);
  return llvm::alignTo(bytes, kPackedAlignment);
}

int64_t PackedType::findCorrection(int64_t offset, int64_t length) const {
  ArrayRef<int64_t> pairs = getCorrections();
  for (size_t i = 0; i + 1 < pairs.size(); i += 2)
    if (pairs[i] == offset && pairs[i + 1] == length)
      return i / 2;
  return -1;
}

int64_t PackedType::findSum(int64_t length) const {
  auto it = llvm::find(getSums(), length);
  return it == getSums().end() ? -1 : it - getSums().begin();
}

LogicalResult PartsType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t heads,
                                int64_t queries, int64_t value) {
  if (heads < 1 || queries < 1 || value < 1)
    return emitError() << "heads, queries and value of parts must be positive";
  return success();
}

int64_t PartsType::getBytes() const {
  return getHeads() * kAttentionParts * getQueries() * partsRowBytes(getValue());
}

int64_t kernel::bufferBytes(Type type, int64_t maxRows) {
  if (auto packed = dyn_cast<PackedType>(type))
    return llvm::divideCeil(maxRows, packed.getMaxTile()) * packed.getTileBytes();
  if (auto parts = dyn_cast<PartsType>(type))
    return parts.getBytes();
  if (auto factor = dyn_cast<FactorType>(type))
    return llvm::divideCeil(maxRows, kMatrixTile) * factor.getTileBytes();
  if (auto routing = dyn_cast<RoutingType>(type))
    return routing.getLayout(maxRows).bytes;
  if (auto routed = dyn_cast<RoutedType>(type))
    return routed.getBytes(maxRows);
  if (auto vector = dyn_cast<ColumnVectorType>(type))
    return llvm::alignTo(vector.getLength() * 4, 64);
  if (auto saved = dyn_cast<SavedType>(type))
    return saved.getLayers() * bufferBytes(saved.getSlice(), maxRows);
  auto buffer = cast<BufferType>(type);
  return llvm::alignTo((maxRows + kRowPadding) * buffer.getRowBytes(), 64);
}

TargetAttr kernel::getTarget(Operation *op) {
  auto module = dyn_cast<ModuleOp>(op);
  if (!module)
    module = op->getParentOfType<ModuleOp>();
  return module ? module->getAttrOfType<TargetAttr>(kTargetAttrName) : TargetAttr();
}

LogicalResult MatmulOp::verify() {
  auto weight = cast<RankedTensorType>(getWeight().getType());
  const BlockFormat *format = llm::getBlockFormat(weight.getElementType());
  if (weight.getRank() != 2 || !isa_and_nonnull<llm::PackedAttr>(weight.getEncoding()))
    return emitOpError() << "needs a packed weight matrix, not " << weight;
  PackedType input = getInput().getType();
  bool isFloat = format->weights == 1;
  if (isFloat == input.isInteger8())
    return emitOpError() << "weights of " << format->name << " take " << (isFloat ? "f32" : "i8")
                         << " activations";
  PackedLayout layout(*format);
  if (input.getColumns() <
      static_cast<int64_t>(layout.units(weight.getDimSize(1)) * layout.unitWeights()))
    return emitOpError() << "activations of " << input.getColumns()
                         << " columns do not cover the units of " << weight;
  if (takesOther(getEpilogue()) != bool(getOther()))
    return emitOpError() << stringifyEpilogue(getEpilogue()) << " takes "
                         << (takesOther(getEpilogue()) ? "another" : "no other") << " buffer";
  if (getOther() && getOther().getType() != getOut().getType())
    return emitOpError() << "other and output must have the same type";
  if (getOut().getType().getWidth() != weight.getDimSize(0))
    return emitOpError() << "output has " << getOut().getType().getWidth() << " columns, expected "
                         << weight.getDimSize(0);
  if (auto share = getShare()) {
    const int64_t bytes = layout.bytes(weight.getDimSize(0), weight.getDimSize(1));
    if (share->size() != 2 || (*share)[0] < 0 || (*share)[1] - bytes < (*share)[0])
      return emitOpError() << "share must say the bytes before the " << bytes
                           << " of this weight, and those of all";
  }
  return success();
}

LogicalResult MapOp::verify() {
  const bool unary = isUnary(getFunction());
  if (getInputs().size() != (unary ? 1u : 2u))
    return emitOpError() << stringifyMap(getFunction()) << " takes "
                         << (unary ? "one input" : "two inputs");
  if (takesConstant(getFunction()) != getConstant().has_value())
    return emitOpError() << stringifyMap(getFunction()) << " takes "
                         << (takesConstant(getFunction()) ? "a" : "no") << " constant";
  for (Value input : getInputs())
    if (input.getType() != getOut().getType())
      return emitOpError() << "inputs and output must have the same type";
  return success();
}

LogicalResult AttentionOp::verify() {
  llm::KvCacheType cache = getCache().getType();
  const int64_t heads = getQuery().getType().getWidth() / cache.getKey();
  auto expected =
      PartsType::get(getContext(), cache.getHeads(), heads / cache.getHeads(), cache.getValue());
  if (getParts().getType() != expected)
    return emitOpError() << "needs parts of " << expected << ", not " << getParts().getType();
  return success();
}

LogicalResult MergePartsOp::verify() {
  PartsType parts = getParts().getType();
  const int64_t width = parts.getHeads() * parts.getQueries() * parts.getValue();
  if (getOut().getType().getWidth() != width)
    return emitOpError() << "output has " << getOut().getType().getWidth() << " columns, expected "
                         << width;
  return success();
}
