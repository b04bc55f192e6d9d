#include "runtime/eval/Statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace llmc {

bool Estimate::measurable() const { return count > 1 && std::abs(value) > 2 * error; }

Estimate meanOf(std::span<const double> values) {
  const std::vector<double> ones(values.size(), 1.0);
  return ratioOf(values, ones);
}

Estimate ratioOf(std::span<const double> values, std::span<const double> weights) {
  Estimate estimate{.count = values.size()};
  const double weight = std::accumulate(weights.begin(), weights.end(), 0.0);
  if (values.empty() || weight == 0)
    return estimate;
  estimate.value = std::accumulate(values.begin(), values.end(), 0.0) / weight;
  double squares = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double rest = values[i] - estimate.value * weights[i];
    squares += rest * rest;
  }
  const auto n = static_cast<double>(values.size());
  estimate.error =
      values.size() < 2 ? std::abs(estimate.value) : std::sqrt(n / (n - 1) * squares) / weight;
  return estimate;
}

double signTest(uint64_t won, uint64_t lost) {
  const auto n = static_cast<double>(won + lost);
  double tail = 0;
  for (uint64_t k = 0; k <= std::min(won, lost); ++k) {
    const auto x = static_cast<double>(k);
    tail += std::exp(std::lgamma(n + 1) - std::lgamma(x + 1) - std::lgamma(n - x + 1) -
                     n * std::log(2.0));
  }
  return std::min(1.0, 2 * tail);
}

} // namespace llmc
