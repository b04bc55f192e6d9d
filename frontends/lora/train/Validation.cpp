#include "frontends/lora/train/Validation.h"
#include "frontends/lora/data/Batches.h"
#include <algorithm>
#include <cmath>

namespace llmc::lora {

double ValidationLosses::mean() const {
  double sum = 0;
  for (float loss : losses)
    sum += loss;
  return sum / static_cast<double>(losses.size());
}

double ValidationLosses::perplexity() const { return std::exp(mean()); }

absl::StatusOr<ValidationLosses> validate(const Dataset &data, const TrainConfig &config,
                                          const Tokenizer &tokenizer, Objective &objective,
                                          absl::FunctionRef<absl::Status(double)> progress) {
  BatchSource source(data, config, tokenizer, /*endless=*/false);
  ValidationLosses out;
  Batch batch;
  for (int64_t i = 0; (config.evalBatches == 0 || i < config.evalBatches) && source.next(batch);
       ++i) {
    absl::StatusOr<Objective::Terms> terms = objective.evaluate(batch);
    if (!terms.ok())
      return terms.status();
    out.losses.insert(out.losses.end(), terms->losses.begin(), terms->losses.end());
    for (const PairReward &reward : terms->rewards)
      out.rewards.add(reward);
    double done = source.epoch() > 0
                      ? 1
                      : static_cast<double>(source.place()) / static_cast<double>(data.size());
    if (config.evalBatches > 0)
      done = std::max(done, static_cast<double>(i + 1) / static_cast<double>(config.evalBatches));
    if (absl::Status status = progress(done); !status.ok())
      return status;
  }
  return out;
}

bool LossChange::measurable() const { return std::abs(mean) > 2 * error; }

LossChange lossChange(const ValidationLosses &before, const ValidationLosses &after) {
  const size_t count = std::min(before.losses.size(), after.losses.size());
  LossChange change;
  if (count == 0)
    return change;
  const auto difference = [&](size_t i) { return double(before.losses[i]) - after.losses[i]; };
  const auto n = static_cast<double>(count);
  for (size_t i = 0; i < count; ++i)
    change.mean += difference(i) / n;
  double squares = 0;
  for (size_t i = 0; i < count; ++i)
    squares += (difference(i) - change.mean) * (difference(i) - change.mean);
  change.error = count < 2 ? std::abs(change.mean) : std::sqrt(squares / (n - 1) / n);
  return change;
}

} // namespace llmc::lora
