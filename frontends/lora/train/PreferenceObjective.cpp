#include "frontends/lora/train/PreferenceObjective.h"

namespace llmc::lora {

PreferenceObjective::PreferenceObjective(const TrainConfig &config, const TrainingData &data,
                                         const Tokenizer &tokenizer, TrainingModel &model,
                                         TrainableParameters &parameters)
    : config_(config), model_(model) {
  if (config.trainMode != "dpo")
    return;
  train_.emplace(data.train, config, tokenizer, model, parameters, /*endless=*/true);
  if (data.validation.size() > 0)
    validation_.emplace(data.validation, config, tokenizer, model, parameters, /*endless=*/false);
}

absl::StatusOr<std::vector<PairLoss>>
PreferenceObjective::pairLosses(const Batch &batch, int64_t seed,
                                std::optional<ReferenceScores> &references) {
  std::vector<double> reference(2 * batch.samples.size());
  if (references) {
    absl::StatusOr<std::vector<double>> scores = references->of(batch.samples);
    if (!scores.ok())
      return scores.status();
    reference = *std::move(scores);
  }
  absl::StatusOr<std::vector<AnswerScore>> answers = answerScores(batch, model_, seed);
  if (!answers.ok())
    return answers.status();
  std::vector<PairLoss> losses;
  for (size_t pair = 0; pair < batch.samples.size(); ++pair) {
    AnswerScore chosen = (*answers)[2 * pair], rejected = (*answers)[2 * pair + 1];
    chosen.reference = reference[2 * pair];
    rejected.reference = reference[2 * pair + 1];
    losses.push_back(config_.trainMode == "dpo" ? dpoLoss(config_, chosen, rejected)
                                                : orpoLoss(config_, chosen, rejected));
  }
  return losses;
}

absl::StatusOr<ObjectiveSums> PreferenceObjective::addGradients(const Batch &batch, int64_t seed) {
  absl::StatusOr<std::vector<PairLoss>> pairs = pairLosses(batch, seed, train_);
  if (!pairs.ok())
    return pairs.status();
  ObjectiveSums sums;
  sums.terms = pairs->size();
  // A token's loss is its -log p.
  const uint64_t context = batch.columns - 1;
  std::vector<float> weights(batch.rows * context);
  for (size_t i = 0; i < pairs->size(); ++i) {
    const PairLoss &pair = (*pairs)[i];
    sums.loss += pair.loss;
    sums.rewards.add(pair.reward);
    std::fill_n(weights.begin() + 2 * i * context, context, static_cast<float>(-pair.chosenSlope));
    std::fill_n(weights.begin() + (2 * i + 1) * context, context,
                static_cast<float>(-pair.rejectedSlope));
  }
  absl::StatusOr<std::span<const float>> losses =
      model_.addGradients(batch.inputs(), batch.targets(), seed, weights);
  if (!losses.ok())
    return losses.status();
  return sums;
}

absl::StatusOr<Objective::Terms> PreferenceObjective::evaluate(const Batch &batch) {
  absl::StatusOr<std::vector<PairLoss>> pairs = pairLosses(batch, -1, validation_);
  if (!pairs.ok())
    return pairs.status();
  Terms terms;
  for (const PairLoss &pair : *pairs) {
    terms.losses.push_back(static_cast<float>(pair.loss));
    terms.rewards.push_back(pair.reward);
  }
  return terms;
}

} // namespace llmc::lora
