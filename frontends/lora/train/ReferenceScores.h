// Log-probabilities of answers: under the model as it is, and under the one of its file.
#ifndef LLMC_FRONTENDS_LORA_TRAIN_REFERENCESCORES_H
#define LLMC_FRONTENDS_LORA_TRAIN_REFERENCESCORES_H

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "frontends/lora/config/TrainConfig.h"
#include "frontends/lora/data/Batches.h"
#include "frontends/lora/train/PreferenceLoss.h"
#include "frontends/lora/train/TrainableParameters.h"
#include "frontends/tokenizer/Tokenizer.h"
#include "runtime/train/TrainingModel.h"
#include <cstdint>
#include <span>
#include <vector>

namespace llmc::lora {

// One for each row of the batch, without a reference. `seed` is TrainingModel::losses()'s.
absl::StatusOr<std::vector<AnswerScore>> answerScores(const Batch &batch, TrainingModel &model,
                                                      int64_t seed);

// Those of the reference, computed when they are first asked for and then kept: two numbers and a
// place for each pair, less than its tokens take. They are always computed in the batches of the
// first epoch, so that their bits do not depend on when a run was stopped and goes on.
class ReferenceScores {
public:
  // All live at least as long. `endless`: `data` is trained with, in the order of BatchSource.
  ReferenceScores(const Dataset &data, const TrainConfig &config, const Tokenizer &tokenizer,
                  TrainingModel &model, TrainableParameters &parameters, bool endless);

  // Of the sequences of these samples. Cancelled when a signal asks to stop.
  absl::StatusOr<std::vector<double>> of(std::span<const uint64_t> samples);

private:
  absl::Status compute(uint64_t batch);

  BatchSource source_;
  uint64_t samplesPerBatch_;
  TrainingModel &model_;
  TrainableParameters &parameters_;
  std::vector<uint64_t> places_; // of samples in the first epoch
  std::vector<double> scores_;   // of sequences; NaN: not yet computed
};

} // namespace llmc::lora

#endif
