// Verifiers of the `llm` operations.
#include "dialects/llm/IR/LlmDialect.h"
#include "dialects/llm/IR/Verifiers.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace llmc;
using namespace llmc::llm;

#define GET_OP_CLASSES
#include "dialects/llm/IR/LlmOps.cpp.inc"

RankedTensorType llm::tensorOf(Value v) { return cast<RankedTensorType>(v.getType()); }

LogicalResult llm::checkWidth(Operation *op, Value rows, int64_t width, StringRef what) {
  if (getWidth(rows) == width)
    return success();
  return op->emitOpError() << what << " has " << getWidth(rows) << " columns, expected " << width;
}

LogicalResult llm::checkRowsOfBlocks(Operation *op, RankedTensorType weight) {
  const BlockFormat *format = getBlockFormat(weight.getElementType());
  if (format && weight.getRank() >= 2 && weight.getShape().back() % format->weights != 0)
    return op->emitOpError() << "rows of " << weight.getShape().back()
                             << " weights are no multiple of the " << format->weights
                             << " weights in a block of " << format->name;
  return success();
}

LogicalResult llm::checkMatrix(Operation *op, Value w, int64_t k) {
  RankedTensorType type = tensorOf(w);
  if (type.getDimSize(1) != k)
    return op->emitOpError() << "weight " << type << " takes rows of " << type.getDimSize(1)
                             << ", the input has " << k;
  return checkRowsOfBlocks(op, type);
}

LogicalResult llm::checkPairs(Operation *op, Value table) {
  if (getWidth(table) % 2 == 0)
    return success();
  return op->emitOpError() << "a rotary table has two columns per pair, so it cannot have "
                           << getWidth(table);
}

namespace {

LogicalResult checkCache(Operation *op, KvCacheType cache, Value keys, Value values) {
  if (failed(checkWidth(op, keys, cache.getHeads() * cache.getKey(), "keys")))
    return failure();
  return checkWidth(op, values, cache.getHeads() * cache.getValue(), "values");
}

LogicalResult checkAttention(Operation *op, KvCacheType cache, Value query, Value result,
                             int64_t window, const APFloat &softcap) {
  int64_t group = cache.getHeads() * cache.getKey();
  if (getWidth(query) % group != 0)
    return op->emitOpError() << "query has " << getWidth(query)
                             << " columns, expected a multiple of " << group
                             << " (heads times key of the cache)";
  if (window < 0)
    return op->emitOpError() << "window must not be negative";
  if (!(softcap.convertToFloat() >= 0))
    return op->emitOpError() << "softcap must not be negative";
  int64_t heads = getWidth(query) / cache.getKey(), width;
  if (llvm::MulOverflow(heads, cache.getValue(), width))
    return op->emitOpError() << "query has " << heads
                             << " heads, too many to number the columns of "
                             << "the result";
  return checkWidth(op, result, width, "result");
}

} // namespace

LogicalResult llm::verifyFamily(Operation *op, StringRef source,
                                std::optional<ArrayRef<int32_t>> layers) {
  size_t templates = source.count("{layer}");
  if (templates > 1)
    return op->emitOpError() << "'{layer}' may be in the source once, not " << templates
                             << " times";
  bool templated = templates == 1;
  if (templated != layers.has_value())
    return op->emitOpError() << (templated ? "'{layer}' in the source needs 'layers'"
                                           : "'layers' needs '{layer}' in the source");
  if (layers && layers->empty())
    return op->emitOpError() << "a family needs at least one layer";
  for (int32_t layer : layers.value_or(ArrayRef<int32_t>()))
    if (layer < 0)
      return op->emitOpError() << "layers are numbered from 0, not " << layer;
  return success();
}

std::string llm::sourceName(StringRef source, std::optional<ArrayRef<int32_t>> layers,
                            int64_t index) {
  std::string name = source.str();
  if (layers) {
    size_t at = name.find("{layer}");
    name.replace(at, strlen("{layer}"), llvm::utostr((*layers)[index]));
  }
  return name;
}

LogicalResult WeightOp::verify() {
  if (failed(verifyFamily(*this, getSource(), getLayers())))
    return failure();
  auto type = cast<RankedTensorType>(getType());
  if (!type.hasStaticShape())
    return emitOpError() << "a weight has a static shape, not " << type;
  if (!getBlockFormat(type.getElementType()))
    return emitOpError() << "a weight has f32, f16, bf16 or !llm.block elements, not " << type;
  if (static_cast<int64_t>(getFirstRow().value_or(0)) < 0)
    return emitOpError() << "rows are numbered from 0, not "
                         << static_cast<int64_t>(*getFirstRow());
  return checkRowsOfBlocks(*this, type);
}

std::string WeightOp::getSourceName(int64_t index) {
  return sourceName(getSource(), getLayers(), index);
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
    // Of experts, each has a row of its own, with one column more.
    const bool experts = type.getRank() == 3;
    if (type.getRank() < 2 || type.getShape().back() + experts != sums.getColumns())
      return emitOpError() << "weight " << symbol << " has type " << type << ", no matrix of "
                           << sums.getColumns() << " columns";
    const int64_t rows = experts ? type.getDimSize(0) : 1;
    for (int32_t layer : weight.getLayers().value_or(ArrayRef<int32_t>()))
      if (layer >= sums.getLayers() / rows)
        return emitOpError() << "weight " << symbol << " has a layer " << layer
                             << ", there are sums for " << sums.getLayers() / rows;
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

Family llm::lookupFamily(Operation *from, Attribute symbol, SymbolTableCollection &symbols) {
  auto name = dyn_cast<FlatSymbolRefAttr>(symbol);
  Operation *op = name ? symbols.lookupNearestSymbolFrom(from, name) : nullptr;
  if (auto weight = dyn_cast_or_null<WeightOp>(op))
    return {op, weight.getType(), weight.getLayers(), false};
  if (auto parameter = dyn_cast_or_null<ParameterOp>(op))
    return {op, parameter.getType(), parameter.getLayers(), true};
  return {};
}

namespace {

// What llm.layers and llm.layers_adjoint have in common.
template <class Op>
class LayersVerifier {
public:
  LayersVerifier(Op op, SymbolTableCollection &symbols) : op(op), symbols(symbols) {}

  // `checkSignature(function, families' types, layers of the block)` for each block.
  LogicalResult
  verify(function_ref<LogicalResult(FunctionOpInterface, ArrayRef<Type>, int64_t)> checkSignature) {
    if (op.getWeights().size() != op.getBlocks().size())
      return op.emitOpError() << "needs one list of weights per block";
    SmallVector<SmallVector<int32_t>> layers(op.getBlocks().size());
    for (auto [layer, block] : llvm::enumerate(op.getSchedule())) {
      if (block < 0 || block >= static_cast<int64_t>(layers.size()))
        return op.emitOpError() << "schedule names block " << block << " of " << layers.size();
      layers[block].push_back(layer);
    }
    for (auto [i, symbol] : llvm::enumerate(op.getBlocks())) {
      auto name = dyn_cast<FlatSymbolRefAttr>(symbol);
      auto function = name ? symbols.template lookupNearestSymbolFrom<FunctionOpInterface>(op, name)
                           : FunctionOpInterface();
      if (!function)
        return op.emitOpError() << "no function named " << symbol;
      auto families = dyn_cast<ArrayAttr>(op.getWeights()[i]);
      if (!families)
        return op.emitOpError() << "weights of block " << i << " must be a list of symbols";
      SmallVector<Type> types;
      for (Attribute family : families)
        if (failed(checkFamily(family, symbol, layers[i], types)))
          return failure();
      if (failed(checkSignature(function, types, layers[i].size())))
        return failure();
    }
    return success();
  }

private:
  LogicalResult checkFamily(Attribute symbol, Attribute block, ArrayRef<int32_t> layers,
                            SmallVector<Type> &types) {
    Family family = lookupFamily(op, symbol, symbols);
    if (!family.op)
      return op.emitOpError() << "no weight named " << symbol;
    if (!family.layers || family.layers->size() != layers.size())
      return op.emitOpError() << "weight " << symbol << " must be a family of " << layers.size()
                              << " tensors, one per layer of block " << block;
    if (*family.layers != layers)
      return op.emitOpError() << "weight " << symbol
                              << " is of other layers than the schedule gives to " << block;
    types.push_back(family.type);
    return success();
  }

  Op op;
  SymbolTableCollection &symbols;
};

// The type that `layers` values of a block's type become together.
Type savedType(Type type, int64_t layers) {
  auto rows = dyn_cast<RankedTensorType>(type);
  if (!rows || rows.getRank() != 2)
    return {};
  return RankedTensorType::get({layers, rows.getDimSize(0), rows.getDimSize(1)},
                               rows.getElementType());
}

} // namespace

LogicalResult LayersOp::verifySymbolUses(SymbolTableCollection &symbols) {
  if (getHidden().getType() != getResult().getType())
    return emitOpError() << "blocks keep the hidden state's type";
  SmallVector<Type> saved;
  LogicalResult result =
      LayersVerifier(*this, symbols)
          .verify([&](FunctionOpInterface function, ArrayRef<Type> weights,
                      int64_t layers) -> LogicalResult {
            SmallVector<Type> expected{getHidden().getType(), IndexType::get(getContext())};
            llvm::append_range(expected, getShared().getTypes());
            llvm::append_range(expected, weights);
            auto name = FlatSymbolRefAttr::get(function.getNameAttr());
            if (function.getArgumentTypes() != ArrayRef<Type>(expected))
              return emitOpError()
                     << "block " << name << " does not take the hidden state, the layer, the "
                     << "shared operands and its weights, in this order and of these "
                        "types";
            if (function.getNumResults() == 0 ||
                function.getResultTypes().front() != getResult().getType())
              return emitOpError() << "block " << name << " must yield the hidden state";
            for (Type type : function.getResultTypes().drop_front())
              saved.push_back(savedType(type, layers));
            return success();
          });
  if (failed(result))
    return failure();
  if (!llvm::equal(saved, getSaved().getTypes()))
    return emitOpError() << "must yield what its blocks save, for all layers of each";
  return success();
}

LogicalResult LayersAdjointOp::verifySymbolUses(SymbolTableCollection &symbols) {
  if (getAdjoint().getType() != getResult().getType())
    return emitOpError() << "the derivative by the hidden state keeps its type";
  int64_t first = getFirst(), layers = getSchedule().size();
  if (first < 0 || first >= layers)
    return emitOpError() << "first is layer " << first << " of " << layers;
  SmallVector<Type> saved;
  LogicalResult result =
      LayersVerifier(*this, symbols)
          .verify([&](FunctionOpInterface function, ArrayRef<Type> weights,
                      int64_t layers) -> LogicalResult {
            SmallVector<Type> before{getAdjoint().getType(), IndexType::get(getContext())};
            llvm::append_range(before, getShared().getTypes());
            ArrayRef<Type> types = function.getArgumentTypes();
            if (types.size() < before.size() + weights.size() ||
                types.take_front(before.size()) != ArrayRef<Type>(before) ||
                types.take_back(weights.size()) != weights)
              return emitOpError()
                     << "adjoint " << FlatSymbolRefAttr::get(function.getNameAttr())
                     << " does not take the derivative, the layer, the shared operands, "
                        "what was saved and its weights, in this order and of these "
                        "types";
            if (function.getResultTypes() != ArrayRef<Type>(getResult().getType()))
              return emitOpError() << "adjoint " << FlatSymbolRefAttr::get(function.getNameAttr())
                                   << " must yield the derivative by the hidden state";
            for (Type type : types.drop_front(before.size()).drop_back(weights.size()))
              saved.push_back(savedType(type, layers));
            return success();
          });
  if (failed(result))
    return failure();
  if (!llvm::equal(saved, getSaved().getTypes()))
    return emitOpError() << "must have what its blocks take as saved, for all layers of each";
  return success();
}

LogicalResult EmbedOp::verify() {
  RankedTensorType weight = tensorOf(getWeight());
  if (failed(checkRowsOfBlocks(*this, weight)))
    return failure();
  return checkWidth(*this, getResult(), weight.getDimSize(1), "result");
}

LogicalResult RmsNormOp::verify() { return checkRmsNorm(*this); }

LogicalResult LayerNormOp::verify() {
  if (getEps().isNegative())
    return emitOpError() << "eps must not be negative";
  return checkWidth(*this, getInput(), tensorOf(getWeight()).getDimSize(0), "input");
}

LogicalResult SoftcapOp::verify() {
  if (!(getCap().convertToFloat() > 0))
    return emitOpError() << "cap must be positive";
  return success();
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
  if (static_cast<int64_t>(getSequence()) < 0)
    return emitOpError() << "a sequence cannot have " << getSequence() << " tokens";
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
  return checkAttention(*this, getCache().getType(), getQuery(), getResult(), getWindow(),
                        getSoftcap());
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
  const bool gated = isGated();
  if (gated && count != 2)
    return emitOpError() << stringifyActivation(getActivation())
                         << " takes two weights, gate and up";
  if (getActivation() == Activation::Gelu && count != 1)
    return emitOpError() << "gelu takes one weight";
  if (getResidual() && getActivation() != Activation::None)
    return emitOpError() << "takes a residual or an activation, not both";
  if (getProducts().size() != (gated ? 1 : count))
    return emitOpError() << "has " << getProducts().size() << " results for " << count
                         << " weights";
  for (auto [i, w] : llvm::enumerate(getWeights())) {
    if (failed(checkMatrix(*this, w, getWidth(getInput()))))
      return failure();
    int64_t n = tensorOf(w).getDimSize(0);
    Value bias = getBiasOf(i);
    if (bias && tensorOf(bias).getDimSize(0) != n)
      return emitOpError() << "bias of weight " << i << " must have " << n << " elements";
    if (failed(checkWidth(*this, getProducts()[gated ? 0 : i], n, "result")))
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
  return checkAttention(*this, cache, getQuery(), getResult(), getWindow(), getSoftcap());
}
