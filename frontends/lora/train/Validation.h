// How well a model does on data that it is not trained on.
#ifndef LLMC_FRONTENDS_LORA_TRAIN_VALIDATION_H
#define LLMC_FRONTENDS_LORA_TRAIN_VALIDATION_H

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "frontends/lora/config/TrainConfig.h"
#include "frontends/lora/data/Dataset.h"
#include "frontends/lora/train/Objective.h"
#include "frontends/tokenizer/Tokenizer.h"
#include "runtime/train/Communicator.h"
#include <vector>

namespace llmc::lora {

struct ValidationLosses {
  std::vector<float> losses; // of each token that is to be predicted, or of each pair, in order
  RewardSums rewards = {};   // of pairs

  double mean() const;       // of no losses: NaN
  double perplexity() const; // exp(mean), of tokens
};

// The losses of `data` in its order, of config.evalBatches batches at most, of which each process
// computes some. `progress` is told the share that is done; an error that it returns ends the work.
absl::StatusOr<ValidationLosses> validate(const Dataset &data, const TrainConfig &config,
                                          const Tokenizer &tokenizer, Objective &objective,
                                          Communicator &communicator,
                                          absl::FunctionRef<absl::Status(double)> progress);

// By how much losses of the same tokens or pairs fell.
struct LossChange {
  double mean = 0;  // before minus after, per token or pair
  double error = 0; // standard error of that mean, tokens or pairs taken as independent

  // Whether it is more than chance: twice the standard error.
  bool measurable() const;
};
LossChange lossChange(const ValidationLosses &before, const ValidationLosses &after);

} // namespace llmc::lora

#endif
