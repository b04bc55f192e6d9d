// What anyone needs to replay a run in another framework.
#ifndef LLMC_FRONTENDS_LORA_TRAIN_DEBUGDUMPS_H
#define LLMC_FRONTENDS_LORA_TRAIN_DEBUGDUMPS_H

#include "absl/status/status.h"
#include "frontends/lora/config/TrainConfig.h"
#include "frontends/lora/data/Batches.h"
#include "frontends/lora/train/ModelAdapter.h"
#include "runtime/core/Safetensors.h"
#include <span>
#include <string>

namespace llmc::lora {

// Files in debug.dump_batches, else in output_dir/debug, where anything is to be written:
//   adapter-000000/               the first values as a PEFT directory
//   step-000001.ids.npy           int32 [batch_size * gradient_accumulation_steps, ctx + 1]; of
//                                 preferences twice as many rows, chosen and rejected in turn
//   step-000001.mask.npy          the same shape: 1 where the token is to be predicted
//   gradients-000001.safetensors  PEFT's names, or GGUF's: of the mean loss, before clipping
class DebugDumps {
public:
  // Both live at least as long.
  DebugDumps(const TrainConfig &config, const BaseModel &base);

  absl::Status writeFirst(const Adapter &adapter) const;
  bool wantsBatches() const { return !config_.dumpBatches.empty(); }
  absl::Status writeBatches(int64_t step, std::span<const Batch> batches) const;
  bool wantsGradients(int64_t step) const;
  absl::Status writeGradients(int64_t step, const Adapter &gradients) const;
  // Of the model itself, by GGUF's names.
  absl::Status writeGradients(int64_t step, std::span<const SafetensorsTensor> gradients) const;

private:
  std::string path(absl::string_view name) const;

  const TrainConfig &config_;
  const BaseModel &base_;
  std::string folder_;
};

} // namespace llmc::lora

#endif
