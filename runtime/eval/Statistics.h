#ifndef LLMC_RUNTIME_EVAL_STATISTICS_H
#define LLMC_RUNTIME_EVAL_STATISTICS_H

#include <cstddef>
#include <cstdint>
#include <span>

namespace llmc {

/// A number that was measured on `count` records, and its standard error: how far off it may be
/// because the records are these and no others.
struct Estimate {
  double value = 0, error = 0;
  size_t count = 0;

  /// Whether it differs from 0 by more than chance: twice the standard error.
  bool measurable() const;
};

/// The mean of independent numbers: standard deviation (of n - 1) / sqrt(n). Of zeros and ones it
/// is sqrt(p (1 - p) / (n - 1)). The error of fewer than two is as large as the mean.
Estimate meanOf(std::span<const double> values);

/// sum(values) / sum(weights), as losses of records over their tokens: records are independent, the
/// tokens of one are not. The error is that of a ratio (Cochran, Sampling Techniques, 2.11):
/// sqrt(n / (n - 1) * sum((value - ratio * weight)^2)) / sum(weights).
Estimate ratioOf(std::span<const double> values, std::span<const double> weights);

/// How likely a split at least as uneven is when each of won + lost records could as well have gone
/// the other way: the two-sided sign test, which is McNemar's exact one for pairs of right and
/// wrong. 1 when there are none.
double signTest(uint64_t won, uint64_t lost);

} // namespace llmc

#endif // LLMC_RUNTIME_EVAL_STATISTICS_H
