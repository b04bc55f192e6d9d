// Conversion of what training multiplies: frozen weights in both directions, parameters, the loss.
#include "dialects/llm/Formats/PackedLayout.h"
#include "passes/Kernel/FunctionConverter.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace llmc::kernel {

// Columns of logits that exist at a time.
static constexpr int64_t kVocabularySlice = 4096;
// Columns of a piece of a factor.
static constexpr int64_t kFactorColumns = 32;

bool liesTransposed(RankedTensorType type) { return type.getDimSize(0) > type.getDimSize(1); }

Type trainedTypeOf(RankedTensorType type) {
  if (type.getRank() == 1 || type.getEncoding())
    return type;
  const int64_t rows = type.getDimSize(0), columns = type.getDimSize(1);
  return ParameterType::get(type.getContext(), std::min(rows, columns), std::max(rows, columns));
}

Value FunctionConverter::factorOf(Operation *op, Value rows, int64_t columns, FactorForm form) {
  // Layers that share an input share what it is split into.
  Value &factor = factors[{rows.getAsOpaquePointer(), columns, form}];
  if (!factor) {
    factor = alloc(op->getLoc(), FactorType::get(b.getContext(), columns, form));
    PackFactorOp::create(b, op->getLoc(), rows, factor);
  }
  return factor;
}

void FunctionConverter::product(Operation *op, Value input, Value weight, Value out, Value addend,
                                bool transposed, int64_t firstRow) {
  if (matrixUnit) {
    auto type = cast<RankedTensorType>(weight.getType());
    PackedLayout layout(*llm::getBlockFormat(type.getElementType()));
    int64_t columns = cast<BufferType>(input.getType()).getWidth();
    if (!transposed)
      columns = std::max<int64_t>(columns, layout.units(columns) * layout.unitWeights());
    input = factorOf(op, input, llvm::alignTo(columns, kFactorColumns),
                     transposed ? FactorForm::Pairs : FactorForm::Rows);
  }
  ProductOp::create(b, op->getLoc(), input, weight, out, addend, transposed, firstRow);
}

void FunctionConverter::convertLinear(Operation *op, Value input, Value norm, FloatAttr eps,
                                      ValueRange weights, function_ref<Value(unsigned)> bias,
                                      Value residual, llm::Activation activation) {
  Location loc = op->getLoc();
  const bool gated = llm::isGatedActivation(activation);
  Value rows = get(input);
  if (norm) {
    Value normed = alloc(loc, rows.getType());
    RmsNormOp::create(b, loc, rows, get(norm), normed, eps);
    rows = normed;
  }
  SmallVector<Value> outs;
  for (auto [i, weight] : llvm::enumerate(weights)) {
    // The gate waits in the result's own buffer.
    Value out = gated && i == 1 ? alloc(loc, outs[0].getType()) : outputFor(op->getResult(i));
    product(op, rows, get(weight), out, i == 0 ? get(residual) : Value(), /*transposed=*/false);
    if (Value vector = bias(i))
      AddBiasOp::create(b, loc, get(vector), out);
    outs.push_back(out);
  }
  if (activation == llm::Activation::None)
    return;
  const Map function = activation == llm::Activation::Swiglu  ? Map::Swiglu
                       : activation == llm::Activation::Geglu ? Map::Geglu
                                                              : Map::Gelu;
  MapOp::create(b, loc, MapAttr::get(b.getContext(), function), outs, outs[0], FloatAttr());
}

LogicalResult FunctionConverter::convertMatmul(llm::MatmulOp op) {
  auto type = cast<RankedTensorType>(op.getMatrix().getType());
  Value input = get(op.getInput()), matrix = get(op.getMatrix()), addend = get(op.getAddend());
  if (!matrix || !isa<ParameterType>(matrix.getType()))
    return op.emitError() << "multiplies with what is no parameter";
  Value out = outputFor(op->getResult(0));
  // Rows of the result are dot products with long rows, or sums of long rows.
  if (op.getTransposed() != liesTransposed(type))
    DotsOp::create(b, op.getLoc(), input, matrix, out, addend, op.getScaleAttr());
  else
    ExpandOp::create(b, op.getLoc(), input, matrix, out, addend, op.getScaleAttr());
  return success();
}

Value FunctionConverter::gradientOf(OpResult result) {
  if (!result.hasOneUse())
    return Value();
  auto add = dyn_cast<llm::AccumulateGradientOp>(*result.user_begin());
  return add ? gradientOf(add) : Value();
}

Value FunctionConverter::gradientOf(llm::AccumulateGradientOp add) {
  return GetGradientOp::create(b, add.getLoc(),
                               trainedTypeOf(cast<RankedTensorType>(add.getValue().getType())),
                               add.getParameterAttr(), add.getLayer() ? weightIndex : Value());
}

LogicalResult FunctionConverter::convertOuter(llm::OuterOp op) {
  auto type = cast<RankedTensorType>(op.getResult().getType());
  Value gradient = gradientOf(op->getResult(0));
  if (!gradient)
    return op.emitError() << "has no counterpart in the kernel dialect unless it is added to one "
                             "gradient and nothing else";
  Value narrow = get(op.getLhs()), wide = get(op.getRhs());
  if (type.getEncoding()) {
    if (!op.getScale().isExactlyValue(1.0))
      return op.emitError() << "has no counterpart in the kernel dialect with a scale, for a weight";
    WeightAdjointOp::create(b, op.getLoc(), narrow, wide, gradient);
    return success();
  }
  if (liesTransposed(type))
    std::swap(narrow, wide);
  OuterOp::create(b, op.getLoc(), narrow, wide, gradient, op.getScaleAttr());
  return success();
}

namespace {

// The parts of the vocabulary of a weight, one after the other.
void forEachSlice(Value weight, function_ref<void(int64_t first, int64_t size)> slice) {
  const int64_t vocabulary = cast<RankedTensorType>(weight.getType()).getDimSize(0);
  for (int64_t first = 0; first < vocabulary; first += kVocabularySlice)
    slice(first, std::min(kVocabularySlice, vocabulary - first));
}

} // namespace

void FunctionConverter::addAdapter(Operation *op, ValueRange adapter, Value logits, int64_t first) {
  ExpandOp::create(b, op->getLoc(), get(adapter[0]), get(adapter[1]), logits, logits,
                   b.getF32FloatAttr(1), b.getI64IntegerAttr(first));
}

void FunctionConverter::convertLoss(llm::LinearCrossEntropyOp op) {
  Location loc = op.getLoc();
  auto rows = [&](int64_t width) { return BufferType::get(b.getContext(), width, b.getF32Type()); };
  Value input = get(op.getInput()), weight = get(op.getWeight()), targets = get(op.getTargets());
  Value sums = alloc(loc, rows(3));
  forEachSlice(weight, [&](int64_t first, int64_t size) {
    Value logits = alloc(loc, rows(size));
    product(op, input, weight, logits, Value(), /*transposed=*/false, first);
    if (!op.getAdapter().empty())
      addAdapter(op, op.getAdapter(), logits, first);
    SumExponentialsOp::create(b, loc, logits, targets, sums, first);
  });
  CrossEntropyOp::create(b, loc, sums, targets, outputFor(op->getResult(0)),
                         outputFor(op->getResult(1)));
}

LogicalResult FunctionConverter::convertLossAdjoint(llm::LinearCrossEntropyAdjointOp op) {
  Location loc = op.getLoc();
  Value input = get(op.getInput()), weight = get(op.getWeight()), targets = get(op.getTargets());
  Value previous, result = outputFor(op->getResult(0));
  const bool adapted = !op.getAdapter().empty();
  Value adapterPrevious, adapterResult, gradient;
  if (adapted)
    adapterResult = outputFor(op->getResult(1));
  // Of the adapter's matrix, or of the weight.
  if (op->getNumResults() > 1) {
    gradient = gradientOf(op->getResults().back());
    if (!gradient)
      return op.emitError() << "has no counterpart in the kernel dialect unless the derivative by "
                               "a matrix is added to one gradient and nothing else";
  }
  const int64_t vocabulary = cast<RankedTensorType>(weight.getType()).getDimSize(0);
  forEachSlice(weight, [&](int64_t first, int64_t size) {
    Value logits = alloc(loc, BufferType::get(b.getContext(), size, b.getF32Type()));
    product(op, input, weight, logits, Value(), /*transposed=*/false, first);
    if (adapted)
      addAdapter(op, op.getAdapter(), logits, first);
    CrossEntropyAdjointOp::create(b, loc, get(op.getAdjoint()), targets, get(op.getLogSums()),
                                  logits, first);
    Value sum = first + size < vocabulary ? alloc(loc, result.getType()) : result;
    product(op, logits, weight, sum, previous, /*transposed=*/true, first);
    previous = sum;
    if (op.getWeightAdjoint())
      WeightAdjointOp::create(b, loc, logits, input, gradient, b.getI64IntegerAttr(first));
    if (!adapted)
      return;
    Value rank = get(op.getAdapter()[0]), matrix = get(op.getAdapter()[1]);
    sum = first + size < vocabulary ? alloc(loc, adapterResult.getType()) : adapterResult;
    DotsOp::create(b, loc, logits, matrix, sum, adapterPrevious, b.getF32FloatAttr(1),
                   b.getI64IntegerAttr(first));
    OuterOp::create(b, loc, rank, logits, gradient, b.getF32FloatAttr(1),
                    b.getI64IntegerAttr(first));
    adapterPrevious = sum;
  });
  return success();
}

void FunctionConverter::convertLayersAdjoint(llm::LayersAdjointOp op) {
  Value adjoint = ownBuffer(op, op.getAdjoint());
  Value other = alloc(op.getLoc(), adjoint.getType());
  SmallVector<Value> shared, saved;
  for (Value v : op.getShared())
    shared.push_back(get(v));
  for (Value v : op.getSaved())
    saved.push_back(get(v));
  SmallVector<int32_t> counts;
  for (auto block : op.getBlocks().getAsRange<FlatSymbolRefAttr>())
    counts.push_back(blocks.find(block.getValue())->second.saved);
  LayersAdjointOp::create(b, op.getLoc(), adjoint, other, saved, shared, op.getBlocks(), counts,
                          op.getSchedule(), op.getFirst());
  const int64_t layers = op.getSchedule().size() - op.getFirst();
  values[op.getResult()] = layers % 2 == 0 ? adjoint : other;
}

// Weights of products are symbols.
static LogicalResult checkWeights(Operation *op, ValueRange weights) {
  for (Value weight : weights)
    if (!weight || !isa<RankedTensorType>(weight.getType()))
      return op->emitError() << "multiplies with what is no weight";
  return success();
}

bool FunctionConverter::convertProducts(Operation *op, LogicalResult &result) {
  SmallVector<Value> weights;
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](llm::LinearOp o) { weights.push_back(o.getWeight()); })
      .Case([&](llm::LinearTransposedOp o) { weights.push_back(o.getWeight()); })
      .Case([&](llm::LinearCrossEntropyOp o) { weights.push_back(o.getWeight()); })
      .Case([&](llm::LinearCrossEntropyAdjointOp o) { weights.push_back(o.getWeight()); })
      .Case([&](llm::FusedLinearOp o) { llvm::append_range(weights, o.getWeights()); });
  for (Value &weight : weights)
    weight = get(weight);
  if (result = checkWeights(op, weights); failed(result))
    return true;
  return llvm::TypeSwitch<Operation *, bool>(op)
      .Case([&](llm::GetParameterOp o) {
        values[o.getResult()] = GetParameterOp::create(
            b, o.getLoc(), trainedTypeOf(cast<RankedTensorType>(o.getType())),
            o.getParameterAttr(), Value());
        return true;
      })
      .Case([&](llm::AccumulateGradientOp o) {
        // Who computes the value adds it, see gradientOf().
        if (!isa_and_nonnull<llm::OuterOp, llm::EmbedAdjointOp, llm::LinearCrossEntropyAdjointOp,
                             llm::RmsNormWeightAdjointOp, llm::LayerNormWeightAdjointOp,
                             llm::SumRowsOp>(o.getValue().getDefiningOp()))
          result = o.emitError() << "has no counterpart in the kernel dialect for this value";
        return true;
      })
      .Case([&](llm::LinearOp o) {
        convertLinear(
            o, o.getInput(), Value(), FloatAttr(), o.getWeight(),
            [&](unsigned) { return o.getBias(); }, Value(), llm::Activation::None);
        return true;
      })
      .Case([&](llm::FusedLinearOp o) {
        convertLinear(
            o, o.getInput(), o.getNorm(), o.getEpsAttr(), o.getWeights(),
            [&](unsigned i) { return o.getBiasOf(i); }, o.getResidual(), o.getActivation());
        return true;
      })
      .Case([&](llm::LinearTransposedOp o) {
        product(o, get(o.getInput()), get(o.getWeight()), outputFor(o->getResult(0)),
                get(o.getAddend()), /*transposed=*/true);
        return true;
      })
      .Case([&](llm::MatmulOp o) { return result = convertMatmul(o), true; })
      .Case([&](llm::OuterOp o) { return result = convertOuter(o), true; })
      .Case([&](llm::LinearCrossEntropyOp o) { return convertLoss(o), true; })
      .Case(
          [&](llm::LinearCrossEntropyAdjointOp o) { return result = convertLossAdjoint(o), true; })
      .Case([&](llm::LayersAdjointOp o) { return convertLayersAdjoint(o), true; })
      .Default([](Operation *) { return false; });
}

} // namespace llmc::kernel
