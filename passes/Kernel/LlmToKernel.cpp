#include "dialects/llm/Formats/BlockProgram.h"
#include "dialects/llm/Formats/PackedLayout.h"
#include "dialects/llm/Formats/RopeFrequencies.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Kernel/FunctionConverter.h"
#include "passes/Kernel/KernelPasses.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace llmc::kernel {

#define GEN_PASS_DEF_LLMTOKERNEL
#include "passes/Kernel/KernelPasses.h.inc"

Type bufferTypeOf(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor)
    return type;
  if (tensor.getRank() == 1 && tensor.getElementType().isF32())
    return ColumnVectorType::get(type.getContext(), tensor.getDimSize(0));
  int64_t width = tensor.getRank() == 1 ? 1 : tensor.getDimSize(1);
  return BufferType::get(type.getContext(), width, tensor.getElementType());
}

FunctionConverter::FunctionConverter(func::FuncOp from, TargetAttr target, const BlockUses &blocks,
                                     Compute compute)
    : from(from), target(target), blocks(blocks), b(from) {
  auto found = blocks.find(from.getName());
  use = found == blocks.end() ? nullptr : &found->second;
  trains = !from->getParentOfType<ModuleOp>().getOps<llm::ParameterOp>().empty();
  matrixUnit = trains && compute == Compute::Auto && target.getDot() == Dot::Amx;
}

LogicalResult FunctionConverter::convert() {
  to = func::FuncOp::create(b, from.getLoc(), from.getName(), b.getFunctionType({}, {}));
  to.setVisibility(from.getVisibility());
  Block *entry = to.addEntryBlock();
  b.setInsertionPointToStart(entry);
  addParameters(entry);
  for (Operation &op : from.front().without_terminator())
    if (failed(convertOp(&op)))
      return failure();
  // What is returned but was not written to its place yet.
  Operation *terminator = from.front().getTerminator();
  for (auto [value, out] : llvm::zip(terminator->getOperands(), outputs))
    if (values.lookup(value) != out)
      MapOp::create(b, terminator->getLoc(), MapAttr::get(b.getContext(), Map::Copy),
                    ValueRange{values.lookup(value)}, out, FloatAttr());
  func::ReturnOp::create(b, terminator->getLoc());
  to.setType(b.getFunctionType(entry->getArgumentTypes(), {}));
  from.erase();
  return success();
}

void FunctionConverter::addParameters(Block *entry) {
  unsigned count = from.getNumArguments() - (use ? use->families.size() : 0);
  for (unsigned i = 0; i < count; ++i) {
    BlockArgument argument = from.getArgument(i);
    values[argument] = entry->addArgument(bufferTypeOf(argument.getType()), argument.getLoc());
    if (use && i == 1) // after the layer's number
      weightIndex = entry->addArgument(b.getIndexType(), argument.getLoc());
  }
  if (use)
    for (auto [i, family] : llvm::enumerate(use->families)) {
      BlockArgument argument = from.getArgument(count + i);
      auto symbol = cast<FlatSymbolRefAttr>(family);
      if (from->getParentOfType<ModuleOp>().lookupSymbol<llm::ParameterOp>(symbol.getValue()))
        values[argument] = GetParameterOp::create(
            b, argument.getLoc(), trainedTypeOf(cast<RankedTensorType>(argument.getType())), symbol,
            weightIndex);
      else
        values[argument] =
            GetWeightOp::create(b, argument.getLoc(), argument.getType(), symbol, weightIndex);
    }
  for (Type type : from.getResultTypes())
    outputs.push_back(entry->addArgument(bufferTypeOf(type), from.getLoc()));
}

Value FunctionConverter::outputFor(OpResult result) {
  Value &buffer = values[result];
  for (OpOperand &operand : from.front().getTerminator()->getOpOperands())
    if (operand.get() == result)
      return buffer = outputs[operand.getOperandNumber()];
  return buffer = alloc(result.getLoc(), bufferTypeOf(result.getType()));
}

PackedType FunctionConverter::packedTypeFor(int64_t width, ValueRange weights, bool isFloat) {
  int64_t columns = isFloat ? width : llvm::alignTo(width, kActivationBlock);
  SmallVector<int64_t> corrections, sums;
  for (Value w : weights) {
    const BlockFormat &format =
        *llm::getBlockFormat(cast<RankedTensorType>(w.getType()).getElementType());
    const BlockProgram &program = format.program();
    if (program.isFloat() != isFloat)
      continue;
    PackedLayout layout(format);
    columns = std::max<int64_t>(columns, layout.units(width) * layout.unitWeights());
    if (isFloat)
      continue;
    std::pair<int64_t, int64_t> pair(program.offset, program.subBlockWeights);
    bool known = false;
    for (size_t i = 0; i < corrections.size(); i += 2)
      known |= corrections[i] == pair.first && corrections[i + 1] == pair.second;
    if (pair.first && !known)
      corrections.append({pair.first, pair.second});
    if (program.hasMinimum() && !llvm::is_contained(sums, pair.second))
      sums.push_back(pair.second);
  }
  Type element = isFloat ? Type(b.getF32Type()) : b.getI8Type();
  return PackedType::get(b.getContext(), columns, element, target.getTiles(), corrections, sums);
}

// Activations for products with `weights`: one packing for float formats, one for the others.
Value FunctionConverter::pack(Operation *op, Value input, Value norm, FloatAttr eps,
                              ValueRange weights, bool isFloat) {
  Value packed = alloc(op->getLoc(), packedTypeFor(llm::getWidth(input), weights, isFloat));
  PackRowsOp::create(b, op->getLoc(), get(input), packed, get(norm), eps);
  return packed;
}

FunctionConverter::Packings FunctionConverter::packFor(Operation *op, Value input, Value norm,
                                                       FloatAttr eps, ValueRange weights) {
  auto isFloat = [](Value w) {
    return !isa<llm::BlockType>(cast<RankedTensorType>(w.getType()).getElementType());
  };
  Packings packings;
  if (llvm::any_of(weights, isFloat))
    packings.ofFloat = pack(op, input, norm, eps, weights, true);
  if (!llvm::all_of(weights, isFloat))
    packings.of8Bit = pack(op, input, norm, eps, weights, false);
  return packings;
}

void FunctionConverter::matmul(Operation *op, const Packings &packings, Value weight, Value out,
                               Value bias, Value other, Epilogue epilogue) {
  bool is8Bit = isa<llm::BlockType>(cast<RankedTensorType>(weight.getType()).getElementType());
  MatmulOp::create(b, op->getLoc(), is8Bit ? packings.of8Bit : packings.ofFloat, get(weight), out,
                   get(bias), other, EpilogueAttr::get(b.getContext(), epilogue),
                   DenseI64ArrayAttr());
}

void FunctionConverter::convertFusedLinear(llm::FusedLinearOp op) {
  Packings packings = packFor(op, op.getInput(), op.getNorm(), op.getEpsAttr(), op.getWeights());
  if (op.isGated()) {
    // The gate waits in the result's own buffer.
    Value out = outputFor(op->getResult(0));
    matmul(op, packings, op.getWeights()[0], out, op.getBiasOf(0), Value(), Epilogue::Store);
    matmul(op, packings, op.getWeights()[1], out, op.getBiasOf(1), out,
           op.getActivation() == llm::Activation::Swiglu ? Epilogue::Swiglu : Epilogue::Geglu);
    return;
  }
  const Epilogue plain =
      op.getActivation() == llm::Activation::Gelu ? Epilogue::Gelu : Epilogue::Store;
  for (auto [i, weight] : llvm::enumerate(op.getWeights())) {
    Value residual = i == 0 ? get(op.getResidual()) : Value();
    matmul(op, packings, weight, outputFor(op->getResult(i)), op.getBiasOf(i), residual,
           residual ? Epilogue::Add : plain);
  }
}

void FunctionConverter::map(Operation *op, Map function, FloatAttr constant) {
  SmallVector<Value> inputs;
  for (Value v : op->getOperands())
    inputs.push_back(get(v));
  MapOp::create(b, op->getLoc(), MapAttr::get(b.getContext(), function), inputs,
                outputFor(op->getResult(0)), constant);
}

void FunctionConverter::convertRopeTable(llm::RopeTableOp op) {
  RopeParameters parameters;
  parameters.dims = llm::getWidth(op.getResult());
  parameters.base = op.getBase().convertToFloat();
  parameters.scaling = static_cast<RopeScalingKind>(op.getScaling());
  parameters.factor = op.getFactor().convertToFloat();
  parameters.attentionFactor = op.getAttentionFactor().convertToFloat();
  parameters.betaFast = op.getBetaFast().convertToFloat();
  parameters.betaSlow = op.getBetaSlow().convertToFloat();
  parameters.extrapolation = op.getExtrapolation().convertToFloat();
  parameters.originalContext = op.getOriginalContext();
  RopeFrequencies table = ropeFrequencies(parameters);
  RopeTableOp::create(b, op.getLoc(), get(op.getStart()), outputFor(op->getResult(0)),
                      get(op.getFactors()), b.getDenseF64ArrayAttr(table.frequencies),
                      b.getF64FloatAttr(table.magnitude), op.getSequenceAttr());
}

template <class Op>
void FunctionConverter::convertAttention(Op op, Value table, UnitAttr halves) {
  auto cache = cast<llm::KvCacheType>(op.getCache().getType());
  const int64_t heads = llm::getWidth(op.getQuery()) / cache.getKey();
  Value out = outputFor(op->getResult(0));
  Value parts = alloc(op.getLoc(), PartsType::get(b.getContext(), cache.getHeads(),
                                                  heads / cache.getHeads(), cache.getValue()));
  AttentionOp::create(b, op.getLoc(), get(op.getQuery()), get(op.getCache()), get(op.getLayer()),
                      get(op.getStart()), out, parts, table, op.getScaleAttr(), op.getWindowAttr(),
                      op.getSoftcapAttr(), halves);
  MergePartsOp::create(b, op.getLoc(), parts, get(op.getStart()), out, op.getWindowAttr());
}

Value FunctionConverter::ownBuffer(Operation *op, Value hidden) {
  Value buffer = get(hidden);
  if (hidden.hasOneUse() && buffer.getDefiningOp<AllocOp>())
    return buffer;
  Value copy = alloc(op->getLoc(), buffer.getType());
  MapOp::create(b, op->getLoc(), MapAttr::get(b.getContext(), Map::Copy), ValueRange{buffer}, copy,
                FloatAttr());
  return copy;
}

void FunctionConverter::convertLayers(llm::LayersOp op) {
  Value hidden = ownBuffer(op, op.getHidden());
  Value other = alloc(op.getLoc(), hidden.getType());
  SmallVector<Value> shared, saved;
  for (Value v : op.getShared())
    shared.push_back(get(v));
  for (Value v : op.getSaved()) {
    auto type = cast<RankedTensorType>(v.getType());
    saved.push_back(
        alloc(op.getLoc(), SavedType::get(b.getContext(), type.getDimSize(0), type.getDimSize(2))));
    values[v] = saved.back();
  }
  SmallVector<int32_t> counts;
  if (!saved.empty())
    for (auto block : op.getBlocks().getAsRange<FlatSymbolRefAttr>())
      counts.push_back(blocks.find(block.getValue())->second.saved);
  LayersOp::create(b, op.getLoc(), hidden, other, saved, shared, op.getBlocks(),
                   b.getDenseI32ArrayAttr(counts), op.getScheduleAttr());
  values[op.getResult()] = op.getSchedule().size() % 2 == 0 ? hidden : other;
}

LogicalResult FunctionConverter::convertOp(Operation *op) {
  if (LogicalResult result = success();
      (trains && convertProducts(op, result)) || convertExperts(op, result))
    return result;
  Location loc = op->getLoc();
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](llm::GetWeightOp o) {
        values[o.getResult()] =
            GetWeightOp::create(b, loc, o.getType(), o.getWeightAttr(), Value());
        return success();
      })
      .Case([&](llm::GetStateOp o) {
        values[o.getResult()] = GetStateOp::create(b, loc, o.getType(), o.getStateAttr());
        return success();
      })
      .Case([&](llm::LayersOp o) { return convertLayers(o), success(); })
      .Case([&](llm::EmbedOp o) {
        EmbedOp::create(b, loc, get(o.getTokens()), get(o.getWeight()), outputFor(o->getResult(0)));
        return success();
      })
      .Case([&](llm::RmsNormOp o) {
        RmsNormOp::create(b, loc, get(o.getInput()), get(o.getWeight()), outputFor(o->getResult(0)),
                          o.getEpsAttr());
        return success();
      })
      .Case([&](llm::LinearOp o) {
        Packings packings = packFor(o, o.getInput(), Value(), b.getF32FloatAttr(0), o.getWeight());
        matmul(o, packings, o.getWeight(), outputFor(o->getResult(0)), o.getBias(), Value(),
               Epilogue::Store);
        return success();
      })
      .Case([&](llm::FusedLinearOp o) { return convertFusedLinear(o), success(); })
      .Case([&](llm::AddOp o) { return map(o, Map::Add), success(); })
      .Case([&](llm::MulOp o) { return map(o, Map::Mul), success(); })
      .Case([&](llm::SiluOp o) { return map(o, Map::Silu), success(); })
      .Case([&](llm::SwigluOp o) { return map(o, Map::Swiglu), success(); })
      .Case([&](llm::GeluOp o) { return map(o, Map::Gelu), success(); })
      .Case([&](llm::GegluOp o) { return map(o, Map::Geglu), success(); })
      .Case([&](llm::ScaleOp o) { return map(o, Map::Scale, o.getFactorAttr()), success(); })
      .Case([&](llm::SoftcapOp o) { return map(o, Map::Softcap, o.getCapAttr()), success(); })
      .Case([&](llm::LayerNormOp o) {
        LayerNormOp::create(b, loc, get(o.getInput()), get(o.getWeight()), get(o.getBias()),
                            outputFor(o->getResult(0)), o.getEpsAttr());
        return success();
      })
      .Case([&](llm::RopeTableOp o) { return convertRopeTable(o), success(); })
      .Case([&](llm::RopeOp o) {
        RopeOp::create(b, loc, get(o.getInput()), get(o.getTable()), outputFor(o->getResult(0)),
                       o.getHeadDimAttr(), o.getHalvesAttr(), UnitAttr());
        return success();
      })
      .Case([&](llm::SumSquaresOp o) {
        SumSquaresOp::create(b, loc, get(o.getInput()), get(o.getSums()), get(o.getLayer()));
        return success();
      })
      .Case([&](llm::CacheWriteOp o) {
        CacheWriteOp::create(b, loc, get(o.getKeys()), get(o.getValues()), get(o.getCache()),
                             get(o.getLayer()), get(o.getStart()), Value(), UnitAttr());
        return success();
      })
      .Case([&](llm::AttentionOp o) {
        convertAttention(o, Value(), UnitAttr());
        return success();
      })
      .Case([&](llm::FusedAttentionOp o) {
        CacheWriteOp::create(b, loc, get(o.getKeys()), get(o.getValues()), get(o.getCache()),
                             get(o.getLayer()), get(o.getStart()), get(o.getTable()),
                             o.getHalvesAttr());
        convertAttention(o, get(o.getTable()), o.getHalvesAttr());
        return success();
      })
      .Case([&](arith::ConstantOp o) {
        values[o.getResult()] = b.clone(*op)->getResult(0);
        return success();
      })
      .Default([&](Operation *o) -> LogicalResult {
        if (convertTrainingOp(o))
          return success();
        return o->emitError() << "has no counterpart in the kernel dialect";
      });
}

namespace {

// The functions that pack weights, one per format.
void addPackFunctions(ModuleOp module) {
  OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
  llvm::MapVector<Type, SmallVector<Location>> formats; // and the weights that have them
  for (auto weight : module.getOps<llm::WeightOp>()) {
    auto type = cast<RankedTensorType>(weight.getType());
    if (isa_and_nonnull<llm::PackedAttr>(type.getEncoding()))
      formats[type.getElementType()].push_back(weight.getLoc());
  }
  for (const auto &[format, weights] : formats) {
    Location loc = b.getFusedLoc(weights);
    SmallVector<Type> types(4, b.getIndexType());
    std::string name = std::string("pack.") + llm::getBlockFormat(format)->name;
    auto function = func::FuncOp::create(b, loc, name, b.getFunctionType(types, {}));
    OpBuilder::InsertionGuard guard(b);
    Block *entry = function.addEntryBlock();
    b.setInsertionPointToStart(entry);
    PackOp::create(b, loc, entry->getArgument(0), entry->getArgument(1), entry->getArgument(2),
                   entry->getArgument(3), TypeAttr::get(format));
    func::ReturnOp::create(b, loc);
  }
}

class LlmToKernel : public impl::LlmToKernelBase<LlmToKernel> {
public:
  using LlmToKernelBase::LlmToKernelBase;

private:
  void runOnOperation() override {
    ModuleOp module = getOperation();
    TargetAttr target = getTarget(module);
    if (!target) {
      module.emitError() << "needs the attribute " << kTargetAttrName
                         << ", which says what code to generate";
      return signalPassFailure();
    }
    BlockUses blocks;
    bool unique = true;
    auto add = [&](auto layers, bool adjoint) {
      for (auto [block, families] : llvm::zip(layers.getBlocks(), layers.getWeights())) {
        StringRef name = cast<FlatSymbolRefAttr>(block).getValue();
        auto function = module.lookupSymbol<func::FuncOp>(name);
        BlockUse use{static_cast<unsigned>(layers.getShared().size()), 0,
                     cast<ArrayAttr>(families)};
        use.saved = adjoint ? function.getNumArguments() - 2 - use.shared - use.families.size()
                            : function.getNumResults() - 1;
        // A block's weights become part of its function.
        auto [known, isNew] = blocks.try_emplace(name, use);
        if (!isNew && known->second.families != use.families) {
          layers.emitOpError() << "runs block " << block << " with other weights than elsewhere";
          unique = false;
        }
      }
    };
    module.walk([&](llm::LayersOp layers) { add(layers, false); });
    module.walk([&](llm::LayersAdjointOp layers) { add(layers, true); });
    if (!unique)
      return signalPassFailure();
    if (compute != "f32" && compute != "auto") {
      module.emitError() << "compute is '" << compute << "'; it may be auto or f32";
      return signalPassFailure();
    }
    const Compute arithmetic = compute == "f32" ? Compute::F32 : Compute::Auto;
    for (auto function : llvm::make_early_inc_range(module.getOps<func::FuncOp>()))
      if (!function.isExternal() &&
          failed(FunctionConverter(function, target, blocks, arithmetic).convert()))
        return signalPassFailure();
    addPackFunctions(module);
  }
};

} // namespace
} // namespace llmc::kernel
