#include "frontends/lora/train/Objective.h"
#include "frontends/lora/train/PreferenceObjective.h"

namespace llmc::lora {
namespace {

class Likelihood : public Objective {
public:
  explicit Likelihood(TrainingModel &model) : model_(model) {}

  absl::StatusOr<ObjectiveSums> addGradients(const Batch &batch, int64_t seed) override {
    absl::StatusOr<std::span<const float>> losses =
        model_.addGradients(batch.inputs(), batch.targets(), seed, {});
    if (!losses.ok())
      return losses.status();
    ObjectiveSums sums;
    for (float row : *losses)
      sums.loss += row;
    sums.terms = batch.learned;
    return sums;
  }

  absl::StatusOr<Terms> evaluate(const Batch &batch) override {
    const std::vector<int32_t> targets = batch.targets();
    absl::StatusOr<std::span<const float>> losses = model_.losses(batch.inputs(), targets, -1);
    if (!losses.ok())
      return losses.status();
    Terms terms;
    for (size_t row = 0; row < targets.size(); ++row)
      if (targets[row] >= 0)
        terms.losses.push_back((*losses)[row]);
    return terms;
  }

private:
  TrainingModel &model_;
};

} // namespace

void ObjectiveSums::add(const ObjectiveSums &other) {
  loss += other.loss;
  terms += other.terms;
  rewards.add(other.rewards);
}

std::unique_ptr<Objective> makeLikelihood(TrainingModel &model) {
  return std::make_unique<Likelihood>(model);
}

std::unique_ptr<Objective> makeObjective(const TrainConfig &config, const TrainingData &data,
                                         const Tokenizer &tokenizer, TrainingModel &model,
                                         TrainableParameters &parameters) {
  if (learnsPreferences(config))
    return std::make_unique<PreferenceObjective>(config, data, tokenizer, model, parameters);
  return makeLikelihood(model);
}

int forwardPasses(const TrainConfig &config) {
  return !learnsPreferences(config) ? 0 : config.trainMode == "dpo" ? 2 : 1;
}

} // namespace llmc::lora
