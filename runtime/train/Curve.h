#ifndef LLMC_RUNTIME_TRAIN_CURVE_H
#define LLMC_RUNTIME_TRAIN_CURVE_H

#include "runtime/train/MetricsLog.h"

#include "absl/functional/function_ref.h"

#include <optional>
#include <span>
#include <vector>

namespace llmc {

/// A number over the steps, for pictures.
struct CurvePoint {
  double step, value;
};
using Curve = std::vector<CurvePoint>;

/// The values that lines have, those that are not finite left out.
Curve curveOf(std::span<const Metrics> lines,
              absl::FunctionRef<std::optional<double>(const Metrics &)> value);
/// Those of a member.
Curve curveOf(std::span<const Metrics> lines, std::optional<double> Metrics::*member);

/// Means of equal numbers of points, so that there are not more than a picture can show.
Curve thinned(const Curve &curve);

/// The mean of the last twentieth of all points, of ten at least, at each point.
Curve movingMean(const Curve &curve);

} // namespace llmc

#endif // LLMC_RUNTIME_TRAIN_CURVE_H
