// The model as its file has it, in the same compiled program that is trained.
#ifndef LLMC_FRONTENDS_LORA_TRAIN_ASBASE_H
#define LLMC_FRONTENDS_LORA_TRAIN_ASBASE_H

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "frontends/lora/train/TrainableParameters.h"
#include "runtime/train/TrainingModel.h"

namespace llmc::lora {

// Runs `work` while the model computes what its file does, and puts its values back. `parameters`
// are the model's.
absl::Status runAsBase(TrainingModel &model, TrainableParameters &parameters,
                       absl::FunctionRef<absl::Status()> work);

} // namespace llmc::lora

#endif
