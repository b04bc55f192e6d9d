// What a run minimizes: the loss of a step and its derivatives.
#ifndef LLMC_FRONTENDS_LORA_TRAIN_OBJECTIVE_H
#define LLMC_FRONTENDS_LORA_TRAIN_OBJECTIVE_H

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "frontends/lora/config/TrainConfig.h"
#include "frontends/lora/data/Batches.h"
#include "frontends/lora/data/DataLoader.h"
#include "frontends/lora/train/PreferenceLoss.h"
#include "frontends/lora/train/TrainableParameters.h"
#include "frontends/tokenizer/Tokenizer.h"
#include "runtime/train/TrainingModel.h"
#include <cstdint>
#include <memory>
#include <vector>

namespace llmc::lora {

// A loss is a mean over terms: tokens, or pairs of answers.
struct ObjectiveSums {
  double loss = 0;
  uint64_t terms = 0;
  RewardSums rewards; // of pairs

  void add(const ObjectiveSums &other);
  double meanLoss() const { return terms > 0 ? loss / static_cast<double>(terms) : 0; }
};

class Objective {
public:
  virtual ~Objective() = default;

  // Adds the derivatives of the sum of the loss over the batch's terms to the model's gradients.
  // `seed` is stepSeed(). Cancelled when a signal asks to stop.
  virtual absl::StatusOr<ObjectiveSums> addGradients(const Batch &batch, int64_t seed) = 0;

  // The losses of the terms of a batch of the data that is held back, in order, and what pairs are
  // rewarded with.
  struct Terms {
    std::vector<float> losses;
    std::vector<PairReward> rewards; // none of tokens
  };
  virtual absl::StatusOr<Terms> evaluate(const Batch &batch) = 0;
};

// train_mode: sft. The mean over all tokens that are learned of -log p. `model` lives at least as
// long.
std::unique_ptr<Objective> makeLikelihood(TrainingModel &model);

// That of config.trainMode. All live at least as long; `model` takes all sequences of a batch.
std::unique_ptr<Objective> makeObjective(const TrainConfig &config, const TrainingData &data,
                                         const Tokenizer &tokenizer, TrainingModel &model,
                                         TrainableParameters &parameters);

// Passes over a batch that a step does beside that of the gradients: forward only.
int forwardPasses(const TrainConfig &config);

} // namespace llmc::lora

#endif
