#include "frontends/lora/train/ReferenceScores.h"
#include "frontends/lora/train/AsBase.h"
#include "runtime/core/Interrupt.h"
#include <algorithm>
#include <cmath>
#include <limits>

namespace llmc::lora {

absl::StatusOr<std::vector<AnswerScore>> answerScores(const Batch &batch, TrainingModel &model,
                                                      int64_t seed) {
  const std::vector<int32_t> targets = batch.targets();
  absl::StatusOr<std::span<const float>> losses = model.losses(batch.inputs(), targets, seed);
  if (!losses.ok())
    return losses.status();
  const uint64_t context = batch.columns - 1;
  std::vector<AnswerScore> scores(batch.rows);
  for (size_t i = 0; i < targets.size(); ++i)
    if (targets[i] >= 0) {
      scores[i / context].logProbability -= (*losses)[i];
      ++scores[i / context].tokens;
    }
  return scores;
}

ReferenceScores::ReferenceScores(const Dataset &data, const TrainConfig &config,
                                 const Tokenizer &tokenizer, TrainingModel &model,
                                 TrainableParameters &parameters, bool endless)
    : source_(data, config, tokenizer, endless), samplesPerBatch_(config.batchSize), model_(model),
      parameters_(parameters), places_(data.size()),
      scores_(data.size() * data.sequencesPerSample(), std::numeric_limits<double>::quiet_NaN()) {
  for (uint64_t place = 0; place < places_.size(); ++place)
    places_[source_.sampleAt(0, place)] = place;
}

absl::StatusOr<std::vector<double>> ReferenceScores::of(std::span<const uint64_t> samples) {
  const uint64_t sequences = scores_.size() / places_.size();
  std::vector<double> out;
  for (uint64_t sample : samples) {
    if (std::isnan(scores_[sample * sequences]))
      if (absl::Status status = compute(places_[sample] / samplesPerBatch_); !status.ok())
        return status;
    for (uint64_t i = 0; i < sequences; ++i)
      out.push_back(scores_[sample * sequences + i]);
  }
  return out;
}

absl::Status ReferenceScores::compute(uint64_t batch) {
  if (InterruptGuard::interrupted())
    return absl::CancelledError();
  const uint64_t begin = batch * samplesPerBatch_;
  const uint64_t end = std::min<uint64_t>(begin + samplesPerBatch_, places_.size());
  std::vector<uint64_t> samples;
  for (uint64_t place = begin; place < end; ++place)
    samples.push_back(source_.sampleAt(0, place));
  Batch filled;
  source_.fill(samples, filled);
  absl::StatusOr<std::vector<AnswerScore>> answers;
  const absl::Status status = runAsBase(model_, parameters_, [&] {
    answers = answerScores(filled, model_, -1);
    return answers.status();
  });
  if (!status.ok())
    return status;
  const uint64_t sequences = scores_.size() / places_.size();
  for (size_t i = 0; i < samples.size() * sequences; ++i)
    scores_[samples[i / sequences] * sequences + i % sequences] = (*answers)[i].logProbability;
  return absl::OkStatus();
}

} // namespace llmc::lora
