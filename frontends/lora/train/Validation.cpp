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

namespace {

absl::Status sum(Communicator &communicator, std::vector<double> &counts, RewardSums &rewards) {
  double values[] = {rewards.chosen, rewards.rejected, double(rewards.pairs), double(rewards.right),
                     double(rewards.likelier)};
  for (std::span<double> each : {std::span(counts), std::span<double>(values)})
    if (absl::Status status = communicator.begin(each); !status.ok())
      return status;
  if (absl::Status status = communicator.wait(); !status.ok())
    return status;
  rewards = {values[0], values[1], uint64_t(values[2]), uint64_t(values[3]), uint64_t(values[4])};
  return absl::OkStatus();
}

} // namespace

absl::StatusOr<ValidationLosses> validate(const Dataset &data, const TrainConfig &config,
                                          const Tokenizer &tokenizer, Objective &objective,
                                          Communicator &communicator,
                                          absl::FunctionRef<absl::Status(double)> progress) {
  BatchSource source(data, config, tokenizer, /*endless=*/false);
  ValidationLosses out;
  std::vector<std::vector<float>> own; // of this process's batches
  std::vector<double> counts;          // losses of each batch
  Batch batch;
  for (int64_t i = 0; (config.evalBatches == 0 || i < config.evalBatches) && source.next(batch);
       ++i) {
    counts.push_back(0);
    if (i % communicator.size() == communicator.rank()) {
      absl::StatusOr<Objective::Terms> terms = objective.evaluate(batch);
      if (!terms.ok())
        return terms.status();
      own.push_back(std::move(terms->losses));
      counts.back() = static_cast<double>(own.back().size());
      for (const PairReward &reward : terms->rewards)
        out.rewards.add(reward);
    }
    double done = source.epoch() > 0
                      ? 1
                      : static_cast<double>(source.place()) / static_cast<double>(data.size());
    if (config.evalBatches > 0)
      done = std::max(done, static_cast<double>(i + 1) / static_cast<double>(config.evalBatches));
    if (absl::Status status = progress(done); !status.ok())
      return status;
  }
  if (absl::Status status = sum(communicator, counts, out.rewards); !status.ok())
    return status;
  for (size_t i = 0; i < counts.size(); ++i) {
    const size_t turn = i / communicator.size();
    if (i % communicator.size() == size_t(communicator.rank()))
      out.losses.insert(out.losses.end(), own[turn].begin(), own[turn].end());
    else // the sum is another's
      out.losses.insert(out.losses.end(), static_cast<size_t>(counts[i]), 0.0f);
  }
  if (absl::Status status = communicator.begin(std::span<float>(out.losses)); !status.ok())
    return status;
  if (absl::Status status = communicator.wait(); !status.ok())
    return status;
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
