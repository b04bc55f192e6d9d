// Where a run is, and its checkpoints.
#ifndef LLMC_FRONTENDS_LORA_TRAIN_TRAINSTATE_H
#define LLMC_FRONTENDS_LORA_TRAIN_TRAINSTATE_H

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "frontends/gguf/file/GgufFile.h"
#include "frontends/lora/config/TrainConfig.h"
#include "frontends/lora/data/DataLoader.h"
#include "runtime/train/AdamW.h"
#include "runtime/train/Checkpoint.h"
#include "runtime/train/TrainingModel.h"
#include <cstdint>
#include <span>
#include <string>

namespace llmc::lora {

// All that the next step depends on beside the matrices and their moments.
struct TrainState {
  int64_t step = 0;      // steps that are over, those without an update included
  int64_t skipped = 0;   // of the last ones, how many in a row had no update
  int64_t rows = 0;      // of the data that were read, by all processes
  int64_t tokens = 0;    // that were learned
  int64_t validated = 0; // the step of the last validation; 0: none yet
  std::string order;     // BatchSource::state()
  std::string stopping;  // EarlyStopping::state()
  std::string stopped;   // why the run ended before its last step; empty: it did not
};

// 16 hexadecimal digits that differ when the samples do, or what of them is learned.
std::string digestOf(const TrainingData &data);
// The same of a text, and of the values of tensors.
uint64_t digestOf(absl::string_view text);
uint64_t digestOf(std::span<const TrainedTensor> tensors);
// The same of a model: of each tensor's name, type, shape and first and last bytes.
std::string digestOf(const gguf::GgufFile &file);

class RunCheckpoints {
public:
  // All live at least as long. `base` is digestOf() the file that `model` was made from.
  RunCheckpoints(const TrainConfig &config, const TrainingData &data, std::string base,
                 TrainingModel &model, AdamW &optimizer);

  const CheckpointFolder &folder() const { return folder_; }

  absl::Status save(const TrainState &state) const;

  // Fills in model, optimizer and state. Errors name the checkpoint and tell what differs: config,
  // data, matrices. After an error the model may have been changed.
  absl::StatusOr<TrainState> restore(const Checkpoint &checkpoint) const;

private:
  const TrainConfig &config_;
  std::string data_, base_; // digests
  TrainingModel &model_;
  AdamW &optimizer_;
  CheckpointFolder folder_;
};

} // namespace llmc::lora

#endif
