#include "runtime/train/Schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace llmc {
namespace {

/// The lengths of `count` cycles, in lengths of the first.
double sumOfGrowth(double growth, double count) {
  return growth == 1 ? count : (std::pow(growth, count) - 1) / (growth - 1);
}

} // namespace

std::optional<ScheduleKind> findScheduleKind(absl::string_view name) {
  if (name == "constant")
    return ScheduleKind::Constant;
  if (name == "linear")
    return ScheduleKind::Linear;
  if (name == "cosine")
    return ScheduleKind::Cosine;
  if (name == "cosine_with_restarts")
    return ScheduleKind::CosineWithRestarts;
  return std::nullopt;
}

double Schedule::at(int64_t step) const {
  if (step < warmupSteps)
    return std::max(minLearningRate, learningRate * static_cast<double>(step + 1) /
                                         static_cast<double>(warmupSteps));
  if (kind == ScheduleKind::Constant)
    return std::max(minLearningRate, learningRate);

  const bool restarts = kind == ScheduleKind::CosineWithRestarts;
  const double rest = std::max<double>(1, static_cast<double>(totalSteps - warmupSteps));
  const double length = decaySteps > 0 ? static_cast<double>(decaySteps)
                        : restarts
                            ? std::max(1.0, rest / sumOfGrowth(restartGrowth, double(cycles)))
                            : rest;
  double x = static_cast<double>(step - warmupSteps) / length;
  if (restarts) {
    // The cycle in which x is, and how much of it has passed.
    double cycle = restartGrowth == 1
                       ? std::floor(x)
                       : std::floor(std::log1p(x * (restartGrowth - 1)) / std::log(restartGrowth));
    // Rounding may have put an exact start into the cycle before.
    if (sumOfGrowth(restartGrowth, cycle + 1) <= x)
      ++cycle;
    x = (x - sumOfGrowth(restartGrowth, cycle)) / std::pow(restartGrowth, cycle);
  }
  x = std::clamp(x, 0.0, 1.0);
  const double factor = kind == ScheduleKind::Linear
                            ? 1 - (1 - minRatio) * x
                            : minRatio + (1 - minRatio) * (1 + std::cos(std::numbers::pi * x)) / 2;
  return std::max(minLearningRate, learningRate * factor);
}

} // namespace llmc
