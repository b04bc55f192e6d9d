#include "dialects/llm/Formats/RopeFrequencies.h"
#include <algorithm>
#include <cmath>
#include <numbers>

namespace llmc {
namespace {

// The pair, as a fraction, that turns `rotations` times over the original context.
double pairThatTurns(const RopeParameters &p, double rotations) {
  double wavelengths = static_cast<double>(p.originalContext) / (rotations * 2 * std::numbers::pi);
  return static_cast<double>(p.dims) * std::log(wavelengths) / (2 * std::log(p.base));
}

} // namespace

RopeFrequencies ropeFrequencies(const RopeParameters &p) {
  RopeFrequencies result;
  result.magnitude = p.attentionFactor;
  bool yarn = p.scaling == RopeScalingKind::Yarn && p.extrapolation != 0;
  double scale = p.scaling == RopeScalingKind::None ? 1.0 : 1.0 / p.factor;
  // Pairs up to `low` keep their angle, pairs from `high` on are scaled in full.
  double low = 0, high = 0;
  if (yarn) {
    low = std::max(0.0, std::floor(pairThatTurns(p, p.betaFast)));
    high = std::min(static_cast<double>(p.dims - 1), std::ceil(pairThatTurns(p, p.betaSlow)));
    result.magnitude *= 1 + 0.1 * std::log(1 / scale);
  }
  for (int64_t i = 0; i < p.dims / 2; ++i) {
    double kept = std::pow(p.base, -2.0 * static_cast<double>(i) / static_cast<double>(p.dims));
    double scaled = kept * scale;
    double ramp = 0;
    if (yarn) {
      double at = (static_cast<double>(i) - low) / std::max(0.001, high - low);
      ramp = (1 - std::clamp(at, 0.0, 1.0)) * p.extrapolation;
    }
    result.frequencies.push_back(scaled * (1 - ramp) + kept * ramp);
  }
  return result;
}

} // namespace llmc
