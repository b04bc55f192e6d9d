#include "runtime/train/Curve.h"

#include <algorithm>
#include <cmath>

namespace llmc {
namespace {

constexpr size_t kMostPoints = 800;

} // namespace

Curve curveOf(std::span<const Metrics> lines,
              absl::FunctionRef<std::optional<double>(const Metrics &)> value) {
  Curve curve;
  for (const Metrics &line : lines)
    if (const std::optional<double> found = value(line); found && std::isfinite(*found))
      curve.push_back({static_cast<double>(line.step), *found});
  return curve;
}

Curve curveOf(std::span<const Metrics> lines, std::optional<double> Metrics::*member) {
  return curveOf(lines, [&](const Metrics &line) { return line.*member; });
}

Curve thinned(const Curve &curve) {
  const size_t each = (curve.size() + kMostPoints - 1) / kMostPoints;
  if (each <= 1)
    return curve;
  Curve out;
  for (size_t i = 0; i < curve.size(); i += each) {
    const size_t end = std::min(i + each, curve.size());
    CurvePoint sum{0, 0};
    for (size_t j = i; j < end; ++j)
      sum = {sum.step + curve[j].step, sum.value + curve[j].value};
    out.push_back({sum.step / double(end - i), sum.value / double(end - i)});
  }
  return out;
}

Curve movingMean(const Curve &curve) {
  const size_t window = std::max<size_t>(10, curve.size() / 20);
  Curve out;
  double sum = 0;
  for (size_t i = 0; i < curve.size(); ++i) {
    sum += curve[i].value;
    if (i >= window)
      sum -= curve[i - window].value;
    out.push_back({curve[i].step, sum / double(std::min(i + 1, window))});
  }
  return out;
}

} // namespace llmc
