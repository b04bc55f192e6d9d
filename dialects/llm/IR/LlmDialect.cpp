#include "dialects/llm/IR/LlmDialect.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace llmc;
using namespace llmc::llm;

#include "dialects/llm/IR/LlmDialect.cpp.inc"
#include "dialects/llm/IR/LlmEnums.cpp.inc"

#include "dialects/llm/IR/Differentiable.cpp.inc"

// The name of a block format is a bare word: !llm.block<q4_K>.
static ParseResult parseFormatName(AsmParser &parser, std::string &name) {
  return parser.parseKeywordOrString(&name);
}
static void printFormatName(AsmPrinter &printer, StringRef name) {
  printer.printKeywordOrString(name);
}

#define GET_TYPEDEF_CLASSES
#include "dialects/llm/IR/LlmTypes.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/llm/IR/LlmAttrs.cpp.inc"

void LlmDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/llm/IR/LlmTypes.cpp.inc"
      >();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/llm/IR/LlmAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/llm/IR/LlmOps.cpp.inc"
      >();
}

LogicalResult BlockType::verify(function_ref<InFlightDiagnostic()> emitError, StringRef format) {
  const BlockFormat *known = findBlockFormat(absl::string_view(format.data(), format.size()));
  if (known && known->weights > 1)
    return success();
  InFlightDiagnostic error = emitError() << "unknown block format '" << format << "'; known are ";
  llvm::interleaveComma(
      llvm::make_filter_range(blockFormats(), [](const BlockFormat &f) { return f.weights > 1; }),
      error, [&](const BlockFormat &f) { error << f.name; });
  return error;
}

const BlockFormat &BlockType::getBlockFormat() const {
  StringRef name = getFormat();
  return *findBlockFormat(absl::string_view(name.data(), name.size()));
}

LogicalResult KvCacheType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t layers,
                                  int64_t heads, int64_t key, Type keyType, int64_t value,
                                  Type valueType) {
  if (layers < 1 || heads < 1 || key < 1 || value < 1)
    return emitError() << "layers, heads, key and value of a KV cache must be positive";
  // So that no product of them, nor the bytes of any number of positions, overflows.
  constexpr int64_t kLargest = 1 << 20, kLargestPosition = int64_t(1) << 40;
  if (std::max({layers, heads, key, value}) > kLargest)
    return emitError() << "layers, heads, key and value of a KV cache must be at most " << kLargest;
  if (layers * heads * (key + value) > kLargestPosition)
    return emitError() << "a position of a KV cache must have at most " << kLargestPosition
                       << " elements, not " << layers * heads * (key + value);
  for (auto [type, length, name] :
       {std::tuple(keyType, key, "keys"), {valueType, value, "values"}}) {
    if (type.isF32() || type.isF16() || type.isBF16())
      continue;
    if (!isQ8(type))
      return emitError() << "a KV cache holds f32, f16, bf16 or q8_0, not " << type;
    if (length % kCacheBlock)
      return emitError() << name << " of q8_0 in a KV cache have a multiple of " << kCacheBlock
                         << " elements, not " << length;
  }
  return success();
}

LogicalResult ColumnSumsType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t layers,
                                     int64_t columns) {
  // So that neither the bytes of one nor of many overflow.
  constexpr int64_t kMostLayers = 1 << 20, kMostColumns = 1 << 30, kMostSums = int64_t(1) << 32;
  if (layers < 1 || layers > kMostLayers)
    return emitError() << "layers of column sums must be from 1 to " << kMostLayers << ", not "
                       << layers;
  if (columns < 1 || columns > kMostColumns || layers * columns > kMostSums)
    return emitError() << "column sums must have from 1 to " << kMostColumns
                       << " columns and at most " << kMostSums << " sums, not " << layers << " x "
                       << columns;
  return success();
}

int64_t KvCacheType::getKeyBytes() const {
  if (isQ8(getKeyType()))
    return getKey() / kCacheBlock * (kCacheBlock + 2);
  return getKey() * getKeyType().getIntOrFloatBitWidth() / 8;
}

int64_t KvCacheType::getValueBytes() const {
  if (isQ8(getValueType()))
    return getValue() / kCacheBlock * (kCacheBlock + 2);
  return llvm::alignTo(getValue(), 16) * getValueType().getIntOrFloatBitWidth() / 8;
}

bool llm::isQ8(Type cacheElement) {
  auto block = dyn_cast<BlockType>(cacheElement);
  return block && block.getFormat() == "q8_0";
}

LogicalResult PackedAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t rows) {
  if (rows != 16)
    return emitError() << "packed weights have groups of 16 rows, not " << rows;
  return success();
}

const BlockFormat *llm::getBlockFormat(Type elementType) {
  if (auto block = dyn_cast<BlockType>(elementType))
    return &block.getBlockFormat();
  if (elementType.isF32())
    return findBlockFormat("f32");
  if (elementType.isF16())
    return findBlockFormat("f16");
  if (elementType.isBF16())
    return findBlockFormat("bf16");
  return nullptr;
}

Type llm::getWeightElementType(MLIRContext *context, const BlockFormat &format) {
  Builder b(context);
  absl::string_view name = format.name;
  if (name == "f32")
    return b.getF32Type();
  if (name == "f16")
    return b.getF16Type();
  if (name == "bf16")
    return b.getBF16Type();
  return BlockType::get(context, format.name);
}

int64_t llm::getWidth(Value rows) {
  return cast<RankedTensorType>(rows.getType()).getShape().back();
}
