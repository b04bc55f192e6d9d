#include "compiler/Driver/Manifest.h"
#include "dialects/kernel/IR/KernelDialect.h"
#include "dialects/llm/IR/Verifiers.h"
#include "frontends/gguf/import/Importer.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace llmc {
namespace {

absl::Status refuse(const std::string &what) {
  return absl::InvalidArgumentError("the program " + what + "; compile the model again");
}

// The runtime sizes its memory by the manifest and passes what the entry points' signatures say,
// and a program may come from a file: what it will touch must lie inside.
absl::Status checkProgram(ModuleOp module, const ProgramManifest &manifest) {
  auto step = module.lookupSymbol<func::FuncOp>("step");
  auto logits = module.lookupSymbol<func::FuncOp>("logits");
  if (!step || !logits || manifest.vocabulary == 0)
    return absl::OkStatus(); // not a model's program; nobody runs it in a session
  MLIRContext *context = module.getContext();
  auto rows = [&](int64_t width) -> Type {
    return kernel::BufferType::get(context, width, Float32Type::get(context));
  };
  SmallVector<Type> stepTypes{kernel::BufferType::get(context, 1, IntegerType::get(context, 32)),
                              IndexType::get(context), rows(manifest.width)};
  if (step.getArgumentTypes() != ArrayRef<Type>(stepTypes))
    return refuse("has an unknown signature of 'step'");
  SmallVector<Type> logitsTypes{rows(manifest.width), rows(manifest.vocabulary)};
  if (logits.getArgumentTypes() != ArrayRef<Type>(logitsTypes))
    return refuse("has an unknown signature of 'logits'");

  absl::Status status;
  module.walk([&](kernel::EmbedOp embed) {
    if (cast<RankedTensorType>(embed.getWeight().getType()).getDimSize(0) < manifest.vocabulary)
      status = refuse("looks up tokens that its embedding does not have");
  });
  module.walk([&](kernel::LayersOp layers) {
    for (const KvCacheShape &cache : manifest.caches)
      if (int64_t(layers.getSchedule().size()) > cache.layers)
        status = refuse("has more layers than its KV cache");
  });
  auto checkSums = [&](Value layer, int64_t rows) {
    auto constant = layer.getDefiningOp<arith::ConstantIndexOp>();
    bool inside = constant ? constant.value() >= 0 && constant.value() < rows : true;
    if (!constant) // a block's parameter
      module.walk(
          [&](kernel::LayersOp layers) { inside &= int64_t(layers.getSchedule().size()) <= rows; });
    if (!inside)
      status = refuse("names a layer that its column sums do not have");
  };
  module.walk([&](kernel::SumSquaresOp op) {
    checkSums(op.getLayer(), op.getSums().getType().getLayers());
  });
  module.walk([&](kernel::ExpertSumSquaresOp op) {
    const int64_t experts = op.getRouting().getType().getExperts();
    checkSums(op.getLayer(), op.getSums().getType().getLayers() / experts);
  });
  auto checkLayer = [&](Value layer, llm::KvCacheType cache) {
    auto constant = layer.getDefiningOp<arith::ConstantIndexOp>();
    if (constant && (constant.value() < 0 || constant.value() >= cache.getLayers()))
      status = refuse("names a layer that its KV cache does not have");
  };
  module.walk([&](kernel::CacheWriteOp op) { checkLayer(op.getLayer(), op.getCache().getType()); });
  module.walk([&](kernel::AttentionOp op) { checkLayer(op.getLayer(), op.getCache().getType()); });
  return status;
}

// How many experts a token takes of each weight, by symbol.
llvm::StringMap<uint64_t> expertsUsed(ModuleOp module) {
  llvm::StringMap<uint64_t> used;
  module.walk([&](kernel::ExpertMatmulOp op) {
    if (auto get = op.getWeight().getDefiningOp<kernel::GetWeightOp>())
      used[get.getWeight()] = op.getRouting().getType().getTopK();
  });
  return used;
}

ColumnSumsShape columnSumsOf(llm::StateOp state, llm::ColumnSumsType type, ModuleOp module) {
  ColumnSumsShape shape{type.getLayers(), type.getColumns(), {}};
  int64_t rows = 1; // of a layer
  if (ArrayAttr weights = state.getWeightsAttr())
    for (Attribute symbol : weights) {
      auto weight = module.lookupSymbol<llm::WeightOp>(cast<FlatSymbolRefAttr>(symbol).getValue());
      if (auto own = cast<RankedTensorType>(weight.getType()); own.getRank() == 3)
        rows = shape.experts = own.getDimSize(0);
      for (int64_t i = 0; i < weight.getCount(); ++i) {
        ColumnSumsShape::Tensor tensor{weight.getSourceName(i),
                                       weight.getLayers() ? (*weight.getLayers())[i] * rows : 0};
        // Parts of a tensor have one input.
        if (!llvm::is_contained(shape.tensors, tensor))
          shape.tensors.push_back(std::move(tensor));
      }
    }
  return shape;
}

} // namespace

absl::StatusOr<ProgramManifest> readManifest(ModuleOp module) {
  ProgramManifest manifest;
  const llvm::StringMap<uint64_t> used = expertsUsed(module);
  for (auto weight : module.getOps<llm::WeightOp>()) {
    auto type = cast<RankedTensorType>(weight.getType());
    const uint64_t experts = type.getRank() == 3 ? type.getDimSize(0) : 1;
    // Matrices of experts follow each other.
    const int64_t rows = type.getNumElements() / type.getShape().back();
    for (int64_t i = 0; i < weight.getCount(); ++i)
      manifest.weights.push_back(
          {weight.getSourceName(i), llm::getBlockFormat(type.getElementType()), uint64_t(rows),
           uint64_t(type.getShape().back()), isa_and_nonnull<llm::PackedAttr>(type.getEncoding()),
           experts, used.contains(weight.getSymName()) ? used.lookup(weight.getSymName()) : experts,
           weight.getFirstRow(), type.getRank() == 1});
  }
  for (auto state : module.getOps<llm::StateOp>()) {
    if (auto sums = dyn_cast<llm::ColumnSumsType>(state.getType())) {
      manifest.columnSums.push_back(columnSumsOf(state, sums, module));
      continue;
    }
    auto cache = cast<llm::KvCacheType>(state.getType());
    manifest.caches.push_back(
        {cache.getLayers(), cache.getHeads(), cache.getKeyBytes(), cache.getValueBytes()});
  }
  for (auto parameter : module.getOps<llm::ParameterOp>()) {
    auto type = cast<RankedTensorType>(parameter.getType());
    const bool isVector = type.getRank() == 1;
    for (int64_t i = 0; i < parameter.getCount(); ++i)
      manifest.parameters.push_back(
          {parameter.getSourceName(i), isVector ? 1 : type.getDimSize(0), type.getShape().back(),
           isVector             ? ProgramParameter::Layout::Vector
           : type.getEncoding() ? ProgramParameter::Layout::Packed
                                : ProgramParameter::Layout::Rows,
           llm::sourceName(parameter.getSource(), parameter.getLayers(), i),
           int64_t(parameter.getFirstRow().value_or(0))});
  }
  auto integer = [&](StringRef name) -> int64_t {
    auto attribute = module->getAttrOfType<IntegerAttr>(name);
    return attribute ? attribute.getInt() : 0;
  };
  manifest.arenaBytes = integer(kernel::kArenaBytesAttrName);
  manifest.scratchBytes = integer(kernel::kScratchBytesAttrName);
  manifest.vocabulary = integer(kVocabularyAttrName);
  manifest.contextLength = integer(kContextLengthAttrName);
  kernel::TargetAttr target = kernel::getTarget(module);
  if (!target)
    return absl::InternalError("the module has no kernel.target; it is not at phase kernel");
  manifest.maxRows = target.getMaxRows();
  if (auto step = module.lookupSymbol<func::FuncOp>("step"))
    if (auto hidden = dyn_cast<kernel::BufferType>(step.getArgumentTypes().back()))
      manifest.width = hidden.getWidth();
  if (absl::Status status = checkProgram(module, manifest); !status.ok())
    return status;
  return manifest;
}

} // namespace llmc
