// How well a model predicts data that it is not trained on.
#ifndef LLMC_FRONTENDS_LORA_TRAIN_VALIDATION_H
#define LLMC_FRONTENDS_LORA_TRAIN_VALIDATION_H

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "frontends/lora/config/TrainConfig.h"
#include "frontends/lora/data/Dataset.h"
#include "frontends/tokenizer/Tokenizer.h"
#include "runtime/train/TrainingModel.h"
#include <vector>

namespace llmc::lora {

struct ValidationLosses {
  std::vector<float> losses; // of each token that is to be predicted, in nats, in order

  double mean() const;       // of no losses: NaN
  double perplexity() const; // exp(mean)
};

// The losses of `data` in its order, of config.evalBatches batches at most. `progress` is told the
// share that is done; an error that it returns ends the work.
absl::StatusOr<ValidationLosses> validate(const Dataset &data, const TrainConfig &config,
                                          const Tokenizer &tokenizer, TrainingModel &model,
                                          absl::FunctionRef<absl::Status(double)> progress);

// By how much losses of the same tokens fell.
struct LossChange {
  double mean = 0;  // before minus after, in nats per token
  double error = 0; // standard error of that mean, tokens taken as independent

  // Whether it is more than chance: twice the standard error.
  bool measurable() const;
};
LossChange lossChange(const ValidationLosses &before, const ValidationLosses &after);

} // namespace llmc::lora

#endif
