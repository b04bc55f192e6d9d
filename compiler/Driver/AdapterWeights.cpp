#include "compiler/Driver/AdapterWeights.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "compiler/Driver/Artifact.h"
#include <algorithm>

namespace llmc {

absl::StatusOr<AdapterWeights> AdapterWeights::read(std::span<const lora::AdapterChoice> choices,
                                                    const gguf::GgufFile &base) {
  AdapterWeights weights;
  if (choices.empty())
    return weights;
  if (isArtifact(base))
    return absl::InvalidArgumentError(absl::StrCat(
        base.path(), ": is compiled already, and adapters are compiled into the program; give the "
                     ".gguf that it was made of, or make it again with 'llmc compile --lora'"));
  absl::StatusOr<lora::BaseModel> model = lora::BaseModel::describe(base);
  if (!model.ok())
    return model.status();
  absl::StatusOr<std::vector<lora::AdapterMatrix>> matrices = lora::readCombined(choices, *model);
  if (!matrices.ok())
    return matrices.status();
  for (const lora::AdapterMatrix &matrix : *matrices)
    if (matrix.dora)
      return absl::UnimplementedError(
          absl::StrCat("the adapter of '", matrix.weight, "' is DoRA, which runs when it is merged: "
                       "llmc export-lora ", base.path(), " --lora ADAPTER -o OUT.gguf"));
  weights.matrices_ = *std::move(matrices);
  return weights;
}

std::vector<AdaptedWeight> AdapterWeights::requests() const {
  std::vector<AdaptedWeight> requests;
  for (const lora::AdapterMatrix &matrix : matrices_)
    requests.push_back({matrix.weight, static_cast<int64_t>(matrix.rank), 1});
  return requests;
}

std::span<const float> AdapterWeights::find(absl::string_view name) const {
  const bool isA = absl::ConsumeSuffix(&name, kAdapterSuffixA);
  if (!isA && !absl::ConsumeSuffix(&name, kAdapterSuffixB))
    return {};
  auto matrix = std::ranges::find(matrices_, name, &lora::AdapterMatrix::weight);
  if (matrix == matrices_.end())
    return {};
  return isA ? matrix->a : matrix->b;
}

} // namespace llmc
