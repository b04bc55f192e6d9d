#include "tools/llmc/MergeRun.h"
#include "absl/strings/str_cat.h"
#include "compiler/Driver/Artifact.h"
#include "frontends/gguf/quantize/Quantizer.h"
#include "frontends/lora/merge/MergePlan.h"
#include "tools/llmc/Commands.h"

namespace llmc::cli {
namespace {

absl::StatusOr<const quantize::FileType *> fileTypeOf(const std::string &type) {
  return quantize::findFileType(type == "keep" ? "COPY" : type);
}

} // namespace

absl::Status checkMergeType(const std::string &type) {
  absl::StatusOr<const quantize::FileType *> found = fileTypeOf(type);
  return found.ok() ? absl::OkStatus()
                    : usageError(absl::StrCat(found.status().message(), "; or keep"));
}

absl::StatusOr<quantize::QuantizationPlan>
planMergeOf(const gguf::GgufFile &base, std::span<const lora::AdapterChoice> adapters,
            const std::string &type, const quantize::ImportanceMatrix *importance) {
  if (isArtifact(base))
    return absl::InvalidArgumentError(
        absl::StrCat(base.path(), ": is compiled already; give the .gguf that it was made of"));
  quantize::QuantizationOptions options;
  absl::StatusOr<const quantize::FileType *> fileType = fileTypeOf(type);
  if (!fileType.ok())
    return fileType.status();
  options.fileType = *fileType;
  absl::StatusOr<lora::BaseModel> model = lora::BaseModel::describe(base);
  if (!model.ok())
    return model.status();
  absl::StatusOr<std::vector<lora::AdapterMatrix>> matrices = lora::readCombined(adapters, *model);
  if (!matrices.ok())
    return matrices.status();
  return lora::planMerge(base, *std::move(matrices), options, importance);
}

} // namespace llmc::cli
