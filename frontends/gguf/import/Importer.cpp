#include "frontends/gguf/import/Importer.h"
#include "absl/strings/str_cat.h"
#include "frontends/gguf/import/Architectures.h"
#include "mlir/IR/Verifier.h"

using namespace mlir;

namespace llmc {

ArrayRef<Architecture> architectures() {
  static constexpr Architecture kArchitectures[] = {
      {"llama", buildLlama},
  };
  return kArchitectures;
}

absl::StatusOr<OwningOpRef<ModuleOp>> importGguf(MLIRContext *context, const gguf::GgufFile &file,
                                                 const ImportOptions &options) {
  context->loadDialect<llm::LlmDialect, func::FuncDialect>();
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
  if (absl::Status status = architecture->build(builder, options); !status.ok())
    return status;
  if (failed(verify(*builder.module)))
    return absl::InternalError(
        absl::StrCat(file.path(), ": the imported program is not valid; please report this"));
  return std::move(builder.module);
}

} // namespace llmc
