#include "frontends/gguf/import/Importer.h"
#include "absl/strings/str_cat.h"
#include "frontends/gguf/import/Programs.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Verifier.h"
#include <cmath>

using namespace mlir;

namespace llmc {

// Builds with what `build` takes of the file's architecture.
static absl::StatusOr<OwningOpRef<ModuleOp>>
import(MLIRContext *context, const gguf::GgufFile &file,
       llvm::function_ref<absl::Status(const Architecture &, ModelBuilder &)> build) {
  context->loadDialect<llm::LlmDialect, func::FuncDialect, arith::ArithDialect>();
  ModelBuilder builder(context, file);
  absl::StatusOr<std::string> name = file.get<std::string>("general.architecture");
  if (!name.ok())
    return name.status();
  const Architecture *architecture = nullptr;
  std::string known;
  for (const Architecture &a : architectures()) {
    if (*name == a.name)
      architecture = &a;
    absl::StrAppend(&known, known.empty() ? "" : ", ", a.name);
  }
  if (!architecture)
    return builder.error(absl::StrCat("architecture '", *name, "' is not known; known: ", known));
  if (file.tensors().empty())
    return builder.error("has a vocabulary but no weights; it can only be tokenized with");
  builder.module->getOperation()->setAttr(kArchitectureAttrName, builder.b.getStringAttr(*name));
  if (absl::Status status = build(*architecture, builder); !status.ok())
    return status;
  if (failed(verify(*builder.module)))
    return absl::InternalError(
        absl::StrCat(file.path(), ": the imported program is not valid; please report this"));
  return std::move(builder.module);
}

absl::StatusOr<OwningOpRef<ModuleOp>> importGguf(MLIRContext *context, const gguf::GgufFile &file,
                                                 const ImportOptions &options) {
  return import(context, file, [&](const Architecture &architecture, ModelBuilder &builder) {
    if (absl::Status status = builder.adapt(options.adapters, ModelBuilder::AdapterRole::Weights);
        !status.ok())
      return status;
    return buildGeneration(builder, architecture, options);
  });
}

absl::StatusOr<OwningOpRef<ModuleOp>> importGgufForTraining(MLIRContext *context,
                                                            const gguf::GgufFile &file,
                                                            const TrainingImportOptions &options) {
  return import(context, file, [&](const Architecture &architecture, ModelBuilder &builder) {
    if (!architecture.trains)
      return builder.error(absl::StrCat("models of architecture '", architecture.name,
                                        "' cannot be trained yet; they can be run and quantized"));
    if (options.full && !options.adapters.empty())
      return builder.error("all weights are trained, so none has an adapter");
    if (!options.full && options.adapters.empty())
      return builder.error("there is nothing to train; name at least one weight to adapt");
    if (options.sequence < 1)
      return builder.error(
          absl::StrCat("sequences must have at least one token, not ", options.sequence));
    if (!(options.dropout >= 0 && options.dropout < 1))
      return builder.error(
          absl::StrCat("dropout must be at least 0 and below 1, not ", options.dropout));
    if (!(options.embeddingNoise >= 0 && std::isfinite(options.embeddingNoise)))
      return builder.error(absl::StrCat("the noise of the embedding must be at least 0, not ",
                                        options.embeddingNoise));
    if (absl::Status status =
            builder.adapt(options.adapters, ModelBuilder::AdapterRole::Parameters);
        !status.ok())
      return status;
    return buildTraining(builder, architecture, options);
  });
}

} // namespace llmc
