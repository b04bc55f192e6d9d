// train_mode: dpo and orpo. Both losses are functions of two sums of tokens' log-probabilities, so
// that their gradient is that of the tokens' losses with a weight for each answer.
#ifndef LLMC_FRONTENDS_LORA_TRAIN_PREFERENCEOBJECTIVE_H
#define LLMC_FRONTENDS_LORA_TRAIN_PREFERENCEOBJECTIVE_H

#include "frontends/lora/train/Objective.h"
#include "frontends/lora/train/ReferenceScores.h"
#include <optional>

namespace llmc::lora {

class PreferenceObjective : public Objective {
public:
  // All live at least as long.
  PreferenceObjective(const TrainConfig &config, const TrainingData &data,
                      const Tokenizer &tokenizer, TrainingModel &model,
                      TrainableParameters &parameters);

  absl::StatusOr<ObjectiveSums> addGradients(const Batch &batch, int64_t seed) override;
  absl::StatusOr<Terms> evaluate(const Batch &batch) override;

private:
  absl::StatusOr<std::vector<PairLoss>> pairLosses(const Batch &batch, int64_t seed,
                                                   std::optional<ReferenceScores> &references);

  const TrainConfig &config_;
  TrainingModel &model_;
  std::optional<ReferenceScores> train_, validation_; // of dpo
};

} // namespace llmc::lora

#endif
