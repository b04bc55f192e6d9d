#ifndef LLMC_RUNTIME_TRAIN_SCHEDULE_H
#define LLMC_RUNTIME_TRAIN_SCHEDULE_H

#include "absl/strings/string_view.h"

#include <cstdint>
#include <optional>

namespace llmc {

enum class ScheduleKind { Constant, Linear, Cosine, CosineWithRestarts };

/// "constant", "linear", "cosine", "cosine_with_restarts".
std::optional<ScheduleKind> findScheduleKind(absl::string_view name);

/// The learning rate of each step. It rises in `warmupSteps` equal parts to `learningRate`, which
/// the last of these steps has, and then falls, from that value on, to `minRatio` of it:
///   linear  1 - (1 - minRatio) x        cosine  minRatio + (1 - minRatio) (1 + cos(pi x)) / 2
/// where x goes from 0 to 1 in `decaySteps` steps; with restarts it begins anew then, each time
/// `restartGrowth` times as long. It is never below `minLearningRate`.
struct Schedule {
  ScheduleKind kind = ScheduleKind::Constant;
  double learningRate = 0, minLearningRate = 0, minRatio = 0;
  int64_t warmupSteps = 0;
  int64_t totalSteps = 0; ///< of the training
  int64_t decaySteps = 0; ///< of the first decay; 0: such that the last of `cycles` ends with the
                          ///< training (all kinds but restarts have one), but at least one
  int64_t cycles = 1;
  double restartGrowth = 1; ///< at least 1

  /// Of step `step`, counted from 0.
  double at(int64_t step) const;
};

} // namespace llmc

#endif // LLMC_RUNTIME_TRAIN_SCHEDULE_H
