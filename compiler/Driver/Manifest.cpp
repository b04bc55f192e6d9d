#include "compiler/Driver/Manifest.h"
#include "dialects/kernel/IR/KernelDialect.h"
#include "frontends/gguf/import/Importer.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace llmc {

absl::StatusOr<ProgramManifest> readManifest(ModuleOp module) {
  ProgramManifest manifest;
  for (auto weight : module.getOps<llm::WeightOp>()) {
    auto type = cast<RankedTensorType>(weight.getType());
    const bool matrix = type.getRank() == 2;
    for (int64_t i = 0; i < weight.getCount(); ++i)
      manifest.weights.push_back({weight.getSourceName(i), llm::getBlockFormat(type.getElementType()),
                                  matrix ? uint64_t(type.getDimSize(0)) : 1,
                                  uint64_t(type.getShape().back()),
                                  isa_and_nonnull<llm::PackedAttr>(type.getEncoding())});
  }
  for (auto state : module.getOps<llm::StateOp>()) {
    auto cache = cast<llm::KvCacheType>(state.getType());
    manifest.caches.push_back({cache.getLayers(), cache.getHeads(), cache.getKey(), cache.getValue(),
                               int64_t(cache.getElementType().getIntOrFloatBitWidth() / 8)});
  }
  auto integer = [&](StringRef name) -> int64_t {
    auto attribute = module->getAttrOfType<IntegerAttr>(name);
    return attribute ? attribute.getInt() : 0;
  };
  manifest.arenaBytes = integer(kernel::kArenaBytesAttrName);
  manifest.vocabulary = integer(kVocabularyAttrName);
  manifest.contextLength = integer(kContextLengthAttrName);
  kernel::TargetAttr target = kernel::getTarget(module);
  if (!target)
    return absl::InternalError("the module has no kernel.target; it is not at phase kernel");
  manifest.maxRows = target.getMaxRows();
  if (auto step = module.lookupSymbol<func::FuncOp>("step"))
    if (auto hidden = dyn_cast<kernel::BufferType>(step.getArgumentTypes().back()))
      manifest.width = hidden.getWidth();
  return manifest;
}

} // namespace llmc
