#ifndef LLMC_RUNTIME_TRAIN_METRICSLOG_H
#define LLMC_RUNTIME_TRAIN_METRICSLOG_H

#include "runtime/train/LineLog.h"

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace llmc {

/// Means over pairs of answers, of which one is preferred.
struct RewardMetrics {
  double chosen = 0;   ///< "rewards/chosen"
  double rejected = 0; ///< "rewards/rejected"
  double accuracy = 0; ///< "rewards/accuracies": share of pairs whose chosen answer has the higher
  double margin = 0;   ///< "rewards/margins"
};

/// A line of metrics.jsonl: an object with these keys, those without a value left out.
struct Metrics {
  int64_t step = 0;                 ///< "step", counted from 1; a validation has the last one's
  std::optional<double> epoch = {}; ///< "epoch": passes over the data, with a fraction
  std::optional<double> loss = {};  ///< "loss": mean over the step's learned tokens, or its pairs
  std::optional<double> learningRate = {};             ///< "learning_rate"
  std::optional<double> gradientNorm = {};             ///< "grad_norm"
  std::optional<RewardMetrics> rewards = {};           ///< of the step's pairs
  std::optional<double> tokensPerSecond = {};          ///< "tokens_per_second"
  std::optional<double> seconds = {};                  ///< "seconds" since the start
  std::optional<double> validationLoss = {};           ///< "eval_loss"
  std::optional<RewardMetrics> validationRewards = {}; ///< with "eval_" in front
};

/// The log of a run, one JSON object a line.
class MetricsLog {
public:
  /// Goes on with the file at `path`, of which the lines of steps up to `step` stay: what a resumed
  /// run does again, and a line that was cut when the first one was killed, is removed. With step 0
  /// the log starts empty.
  static absl::StatusOr<MetricsLog> open(const std::string &path, int64_t step);

  /// Appends a line in one write.
  absl::Status append(const Metrics &metrics);
  /// All lines, those of earlier runs included.
  std::span<const Metrics> lines() const { return lines_; }

private:
  MetricsLog(LineLog file, std::vector<Metrics> lines)
      : file_(std::move(file)), lines_(std::move(lines)) {}

  LineLog file_;
  std::vector<Metrics> lines_;
};

/// Calls `visit` with each number of a line but its step, under its key.
void forEachNumber(const Metrics &metrics,
                   absl::FunctionRef<void(const std::string &key, double value)> visit);

/// A line without its newline, and back; nullopt for a text that is none.
std::string metricsText(const Metrics &metrics);
std::optional<Metrics> parseMetrics(absl::string_view line);

} // namespace llmc

#endif // LLMC_RUNTIME_TRAIN_METRICSLOG_H
