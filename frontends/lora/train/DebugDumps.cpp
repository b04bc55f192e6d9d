#include "frontends/lora/train/DebugDumps.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "frontends/lora/adapter/PeftAdapter.h"
#include "frontends/lora/train/OutputFolder.h"
#include "runtime/core/Safetensors.h"
#include "runtime/eval/NpyWriter.h"
#include <algorithm>

namespace llmc::lora {

DebugDumps::DebugDumps(const TrainConfig &config, const BaseModel &base)
    : config_(config), base_(base),
      folder_(config.dumpBatches.empty() ? absl::StrCat(config.outputDir, "/debug")
                                         : config.dumpBatches) {}

std::string DebugDumps::path(absl::string_view name) const {
  return absl::StrCat(folder_, "/", name);
}

absl::Status DebugDumps::writeFirst(const Adapter &adapter) const {
  if (!wantsBatches() && config_.dumpGradients.empty())
    return absl::OkStatus();
  if (absl::Status status = makeDirectory(folder_); !status.ok())
    return status;
  return writePeftAdapter(adapter, base_, path("adapter-000000"),
                          {.useRslora = config_.useRslora, .dropout = config_.dropout});
}

absl::Status DebugDumps::writeBatches(int64_t step, std::span<const Batch> batches) const {
  if (absl::Status status = makeDirectory(folder_); !status.ok())
    return status;
  std::vector<int32_t> ids, mask;
  for (const Batch &batch : batches) {
    ids.insert(ids.end(), batch.tokens.begin(), batch.tokens.end());
    mask.insert(mask.end(), batch.mask.begin(), batch.mask.end());
  }
  const uint64_t columns = batches[0].columns;
  if (absl::Status status =
          writeNpy(path(absl::StrFormat("step-%06d.ids.npy", step)), ids, columns);
      !status.ok())
    return status;
  return writeNpy(path(absl::StrFormat("step-%06d.mask.npy", step)), mask, columns);
}

bool DebugDumps::wantsGradients(int64_t step) const {
  return std::ranges::find(config_.dumpGradients, step) != config_.dumpGradients.end();
}

absl::Status DebugDumps::writeGradients(int64_t step, const Adapter &gradients) const {
  std::vector<NamedFloats> halves;
  for (const AdapterMatrix &matrix : gradients.matrices) {
    absl::StatusOr<std::vector<NamedFloats>> pair = peftTensors(matrix, base_);
    if (!pair.ok())
      return pair.status();
    std::ranges::move(*pair, std::back_inserter(halves));
  }
  std::vector<SafetensorsTensor> tensors;
  for (const NamedFloats &half : halves)
    tensors.push_back({half.name, "F32", half.shape, floatBytes(half.values)});
  return writeGradients(step, tensors);
}

absl::Status DebugDumps::writeGradients(int64_t step,
                                        std::span<const SafetensorsTensor> gradients) const {
  if (absl::Status status = makeDirectory(folder_); !status.ok())
    return status;
  return writeSafetensors(path(absl::StrFormat("gradients-%06d.safetensors", step)), gradients,
                          {{"format", "pt"}});
}

} // namespace llmc::lora
