// Verifiers of the `llm` operations.
#include "dialects/llm/IR/LlmDialect.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace llmc;
using namespace llmc::llm;

#define GET_OP_CLASSES
#include "dialects/llm/IR/LlmOps.cpp.inc"

namespace {

RankedTensorType tensorOf(Value v) { return cast<RankedTensorType>(v.getType()); }

LogicalResult checkWidth(Operation *op, Value rows, int64_t width, StringRef what) {
  if (getWidth(rows) == width)
    return success();
  return op->emitOpError() << what << " has " << getWidth(rows) << " columns, expected " << width;
}

LogicalResult checkRowsOfBlocks(Operation *op, RankedTensorType weight) {
  const BlockFormat *format = getBlockFormat(weight.getElementType());
  if (format && weight.getRank() == 2 && weight.getDimSize(1) % format->weights != 0)
    return op->emitOpError() << "rows of " << weight.getDimSize(1)
                             << " weights are no multiple of the " << format->weights
                             << " weights in a block of " << format->name;
  return success();
}

// `w` multiplies rows of width `k`.
LogicalResult checkMatrix(Operation *op, Value w, int64_t k) {
  RankedTensorType type = tensorOf(w);
  if (type.getDimSize(1) != k)
    return op->emitOpError() << "weight " << type << " takes rows of " << type.getDimSize(1)
                             << ", the input has " << k;
  return checkRowsOfBlocks(op, type);
}

LogicalResult checkPairs(Operation *op, Value table) {
  if (getWidth(table) % 2 == 0)
    return success();
  return op->emitOpError() << "a rotary table has two columns per pair, so it cannot have "
                           << getWidth(table);
}

LogicalResult checkCache(Operation *op, KvCacheType cache, Value keys, Value values) {
  if (failed(checkWidth(op, keys, cache.getHeads() * cache.getKey(), "keys")))
    return failure();
  return checkWidth(op, values, cache.getHeads() * cache.getValue(), "values");
}

LogicalResult checkAttention(Operation *op, KvCacheType cache, Value query, Value result,
                             int64_t window) {
  int64_t group = cache.getHeads() * cache.getKey();
  if (getWidth(query) % group != 0)
    return op->emitOpError() << "query has " << getWidth(query)
                             << " columns, expected a multiple of " << group
                             << " (heads times key of the cache)";
  if (window < 0)
    return op->emitOpError() << "window must not be negative";
  int64_t heads = getWidth(query) / cache.getKey(), width;
  if (llvm::MulOverflow(heads, cache.getValue(), width))
    return op->emitOpError() << "query has " << heads
                             << " heads, too many to number the columns of "
                             << "the result";
  return checkWidth(op, result, width, "result");
}

} // namespace

LogicalResult WeightOp::verify() {
  size_t templates = getSource().count("{layer}");
  if (templates > 1)
    return emitOpError() << "'{layer}' may be in the source once, not " << templates << " times";
  bool templated = templates == 1;
  if (templated != getLayers().has_value())
    return emitOpError() << (templated ? "'{layer}' in the source needs 'layers'"
                                       : "'layers' needs '{layer}' in the source");
  if (getLayers() && getLayers()->empty())
    return emitOpError() << "a family needs at least one layer";
  for (int32_t layer : getLayers().value_or(ArrayRef<int32_t>()))
    if (layer < 0)
      return emitOpError() << "layers are numbered from 0, not " << layer;
  auto type = cast<RankedTensorType>(getType());
  if (!type.hasStaticShape())
    return emitOpError() << "a weight has a static shape, not " << type;
  if (!getBlockFormat(type.getElementType()))
    return emitOpError() << "a weight has f32, f16, bf16 or !llm.block elements, not " << type;
  return checkRowsOfBlocks(*this, type);
}

std::string WeightOp::getSourceName(int64_t index) {
  std::string name = getSource().str();
  if (auto layers = getLayers()) {
    size_t at = name.find("{layer}");
    name.replace(at, strlen("{layer}"), llvm::utostr((*layers)[index]));
  }
  return name;
}

LogicalResult GetWeightOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto weight = symbols.lookupNearestSymbolFrom<WeightOp>(*this, getWeightAttr());
  if (!weight)
    return emitOpError() << "no weight named " << getWeightAttr();
  if (weight.getLayers())
    return emitOpError() << getWeightAttr() << " is a family of weights, for llm.layers only";
  if (weight.getType() != getResult().getType())
    return emitOpError() << "weight " << getWeightAttr() << " has type " << weight.getType();
  return success();
}

LogicalResult StateOp::verifySymbolUses(SymbolTableCollection &symbols) {
  ArrayAttr weights = getWeightsAttr();
  if (!weights)
    return success();
  auto sums = dyn_cast<ColumnSumsType>(getType());
  if (!sums)
    return emitOpError() << "only column sums are of weights";
  for (Attribute symbol : weights) {
    auto weight = symbols.lookupNearestSymbolFrom<WeightOp>(*this, cast<FlatSymbolRefAttr>(symbol));
    if (!weight)
      return emitOpError() << "no weight named " << symbol;
    auto type = cast<RankedTensorType>(weight.getType());
    if (type.getRank() != 2 || type.getDimSize(1) != sums.getColumns())
      return emitOpError() << "weight " << symbol << " has type " << type << ", no matrix of "
                           << sums.getColumns() << " columns";
    for (int32_t layer : weight.getLayers().value_or(ArrayRef<int32_t>()))
      if (layer >= sums.getLayers())
        return emitOpError() << "weight " << symbol << " has a layer " << layer
                             << ", there are sums for " << sums.getLayers();
  }
  return success();
}

LogicalResult GetStateOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto state = symbols.lookupNearestSymbolFrom<StateOp>(*this, getStateAttr());
  if (!state)
    return emitOpError() << "no state named " << getStateAttr();
  if (state.getType() != getResult().getType())
    return emitOpError() << "state " << getStateAttr() << " has type " << state.getType();
  return success();
}

LogicalResult LayersOp::verifySymbolUses(SymbolTableCollection &symbols) {
  if (getHidden().getType() != getResult().getType())
    return emitOpError() << "blocks keep the hidden state's type";
  if (getWeights().size() != getBlocks().size())
    return emitOpError() << "needs one list of weights per block";
  SmallVector<int64_t> uses(getBlocks().size());
  for (int32_t block : getSchedule()) {
    if (block < 0 || block >= static_cast<int64_t>(uses.size()))
      return emitOpError() << "schedule names block " << block << " of " << uses.size();
    ++uses[block];
  }
  for (auto [i, symbol] : llvm::enumerate(getBlocks())) {
    auto function = symbols.lookupNearestSymbolFrom<FunctionOpInterface>(
        *this, cast<FlatSymbolRefAttr>(symbol));
    if (!function)
      return emitOpError() << "no function named " << symbol;
    SmallVector<Type> expected{getHidden().getType(), IndexType::get(getContext())};
    llvm::append_range(expected, getShared().getTypes());
    auto families = dyn_cast<ArrayAttr>(getWeights()[i]);
    if (!families)
      return emitOpError() << "weights of block " << i << " must be a list of symbols";
    for (Attribute family : families) {
      auto name = dyn_cast<FlatSymbolRefAttr>(family);
      auto weight = name ? symbols.lookupNearestSymbolFrom<WeightOp>(*this, name) : WeightOp();
      if (!weight)
        return emitOpError() << "no weight named " << family;
      if (!weight.getLayers() || weight.getCount() != uses[i])
        return emitOpError() << "weight " << family << " must be a family of " << uses[i]
                             << " tensors, one per layer of block " << symbol;
      SmallVector<int32_t> own;
      for (auto [layer, block] : llvm::enumerate(getSchedule()))
        if (block == static_cast<int32_t>(i))
          own.push_back(layer);
      if (*weight.getLayers() != ArrayRef<int32_t>(own))
        return emitOpError() << "weight " << family
                             << " is of other layers than the schedule gives to " << symbol;
      expected.push_back(weight.getType());
    }
    if (function.getArgumentTypes() != ArrayRef<Type>(expected))
      return emitOpError() << "block " << symbol
                           << " does not take the hidden state, the layer, the "
                           << "shared operands and its weights, in this order and of these types";
    if (function.getResultTypes() != ArrayRef<Type>(getResult().getType()))
      return emitOpError() << "block " << symbol << " must yield the hidden state";
  }
  return success();
}

LogicalResult EmbedOp::verify() {
  RankedTensorType weight = tensorOf(getWeight());
  if (failed(checkRowsOfBlocks(*this, weight)))
    return failure();
  return checkWidth(*this, getResult(), weight.getDimSize(1), "result");
}

LogicalResult RmsNormOp::verify() {
  if (getEps().isNegative())
    return emitOpError() << "eps must not be negative";
  return checkWidth(*this, getInput(), tensorOf(getWeight()).getDimSize(0), "input");
}

LogicalResult LinearOp::verify() {
  if (failed(checkMatrix(*this, getWeight(), getWidth(getInput()))))
    return failure();
  int64_t n = tensorOf(getWeight()).getDimSize(0);
  if (getBias() && tensorOf(getBias()).getDimSize(0) != n)
    return emitOpError() << "bias has " << tensorOf(getBias()).getDimSize(0)
                         << " elements, expected " << n;
  return checkWidth(*this, getResult(), n, "result");
}

LogicalResult RopeTableOp::verify() {
  int64_t dims = getWidth(getResult());
  if (dims % 2 != 0)
    return emitOpError() << "rotates pairs, so the table cannot have " << dims << " columns";
  if (getFactors() && tensorOf(getFactors()).getDimSize(0) != dims / 2)
    return emitOpError() << "needs " << dims / 2 << " factors, one per pair";
  if (!(getBase().convertToFloat() > 0))
    return emitOpError() << "base must be positive";
  if (getScaling() != RopeScaling::None && !(getFactor().convertToFloat() > 0))
    return emitOpError() << "a scaling factor must be positive";
  if (getScaling() == RopeScaling::Yarn && getOriginalContext() <= 0)
    return emitOpError() << "yarn scaling needs original_context";
  return success();
}

LogicalResult RopeOp::verify() {
  int64_t dim = getHeadDim();
  if (dim <= 0 || getWidth(getInput()) % dim != 0)
    return emitOpError() << "heads of " << dim << " do not divide " << getWidth(getInput())
                         << " columns";
  if (getWidth(getTable()) > dim)
    return emitOpError() << "a table of " << getWidth(getTable())
                         << " columns is too wide for heads of " << dim;
  return checkPairs(*this, getTable());
}

LogicalResult CacheWriteOp::verify() {
  return checkCache(*this, getCache().getType(), getKeys(), getValues());
}

LogicalResult AttentionOp::verify() {
  return checkAttention(*this, getCache().getType(), getQuery(), getResult(), getWindow());
}

LogicalResult SumSquaresOp::verify() {
  return checkWidth(*this, getInput(), getSums().getType().getColumns(), "input");
}

Value FusedLinearOp::getBiasOf(unsigned index) {
  std::optional<ArrayRef<bool>> biased = getBiased();
  if (!biased || !(*biased)[index])
    return {};
  return getBiases()[llvm::count(biased->take_front(index), true)];
}

LogicalResult FusedLinearOp::verify() {
  unsigned count = getWeights().size();
  if (count == 0)
    return emitOpError() << "needs at least one weight";
  std::optional<ArrayRef<bool>> biased = getBiased();
  unsigned biases = biased ? llvm::count(*biased, true) : 0;
  if ((biased && biased->size() != count) || biases != getBiases().size())
    return emitOpError() << "'biased' must say which weights have a bias";
  if (getNorm() && tensorOf(getNorm()).getDimSize(0) != getWidth(getInput()))
    return emitOpError() << "norm has " << tensorOf(getNorm()).getDimSize(0)
                         << " elements, expected " << getWidth(getInput());
  bool swiglu = getActivation() == Activation::Swiglu;
  if (swiglu && count != 2)
    return emitOpError() << "swiglu takes two weights, gate and up";
  if (getResidual() && (count != 1 || swiglu))
    return emitOpError() << "a residual needs a single product";
  if (getProducts().size() != (swiglu ? 1 : count))
    return emitOpError() << "has " << getProducts().size() << " results for " << count
                         << " weights";
  for (auto [i, w] : llvm::enumerate(getWeights())) {
    if (failed(checkMatrix(*this, w, getWidth(getInput()))))
      return failure();
    int64_t n = tensorOf(w).getDimSize(0);
    Value bias = getBiasOf(i);
    if (bias && tensorOf(bias).getDimSize(0) != n)
      return emitOpError() << "bias of weight " << i << " must have " << n << " elements";
    if (failed(checkWidth(*this, getProducts()[swiglu ? 0 : i], n, "result")))
      return failure();
  }
  if (getResidual())
    return checkWidth(*this, getResidual(), getWidth(getProducts()[0]), "residual");
  return success();
}

LogicalResult FusedAttentionOp::verify() {
  KvCacheType cache = getCache().getType();
  if (failed(checkCache(*this, cache, getKeys(), getValues())))
    return failure();
  if (getWidth(getTable()) > cache.getKey())
    return emitOpError() << "the rotary table is wider than a head";
  if (failed(checkPairs(*this, getTable())))
    return failure();
  return checkAttention(*this, cache, getQuery(), getResult(), getWindow());
}
