#include "frontends/lora/train/AsBase.h"
#include <algorithm>

namespace llmc::lora {

absl::Status runAsBase(TrainingModel &model, TrainableParameters &parameters,
                       absl::FunctionRef<absl::Status()> work) {
  const std::vector<TrainedTensor> tensors = model.tensors();
  std::vector<std::vector<float>> kept;
  for (const TrainedTensor &tensor : tensors)
    kept.emplace_back(tensor.values.begin(), tensor.values.end());
  absl::Status status = parameters.restoreBase();
  if (status.ok())
    status = work();
  for (size_t i = 0; i < kept.size(); ++i)
    std::ranges::copy(kept[i], tensors[i].values.begin());
  return status;
}

} // namespace llmc::lora
