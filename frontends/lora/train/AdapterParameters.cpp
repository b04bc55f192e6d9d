#include "frontends/lora/train/AdapterParameters.h"
#include <algorithm>

namespace llmc::lora {

absl::StatusOr<std::unique_ptr<AdapterParameters>>
AdapterParameters::create(const TrainConfig &config, const BaseModel &base, Adapter plan,
                          TrainingModel &model) {
  absl::StatusOr<ModelAdapter> adapter = ModelAdapter::create(std::move(plan), model);
  if (!adapter.ok())
    return adapter.status();
  return std::unique_ptr<AdapterParameters>(
      new AdapterParameters(config, base, *std::move(adapter), model));
}

absl::Status AdapterParameters::initialize() {
  absl::StatusOr<Adapter> first = firstAdapter(config_, adapter_.plan(), base_);
  if (first.ok())
    adapter_.store(*first);
  return first.status();
}

absl::Status AdapterParameters::restoreBase() {
  // Matrices of zeros change nothing.
  for (const TrainedTensor &tensor : model_.tensors())
    std::ranges::fill(tensor.values, 0.0f);
  return absl::OkStatus();
}

absl::Status AdapterParameters::write(const OutputFolder &output) const {
  return output.writeAdapter(adapter_.values(), base_);
}

absl::Status AdapterParameters::dumpFirst(const DebugDumps &dumps) const {
  return dumps.writeFirst(adapter_.values());
}

absl::Status AdapterParameters::dumpGradients(const DebugDumps &dumps, int64_t step,
                                              double scale) const {
  return dumps.writeGradients(step, adapter_.gradients(scale));
}

std::vector<TrainableParameters::Kind> AdapterParameters::kinds() const {
  std::vector<Kind> kinds;
  for (const AdapterMatrix &matrix : adapter_.plan().matrices)
    addToKind(kinds, matrix.weight, matrix.rank * (matrix.inputs + matrix.outputs), matrix.rank);
  return kinds;
}

} // namespace llmc::lora
