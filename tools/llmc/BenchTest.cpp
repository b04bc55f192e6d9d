#include "tools/llmc/BenchTest.h"
#include "absl/strings/str_cat.h"
#include <algorithm>
#include <cmath>
#include <numeric>

namespace llmc::cli {

std::string BenchTest::name() const {
  const char *prefix = kind == BenchKind::Prompt       ? "pp"
                       : kind == BenchKind::Generation ? "tg"
                                                       : "b";
  std::string name = absl::StrCat(prefix, tokens);
  if (depth > 0)
    absl::StrAppend(&name, " @ d", depth);
  return name;
}

Spread spreadOf(std::vector<double> values) {
  Spread spread;
  if (values.empty())
    return spread;
  std::sort(values.begin(), values.end());
  const size_t count = values.size(), half = count / 2;
  spread.mean = std::accumulate(values.begin(), values.end(), 0.0) / double(count);
  spread.median = count % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
  double squares = 0;
  for (double value : values)
    squares += (value - spread.mean) * (value - spread.mean);
  if (count > 1)
    spread.deviation = std::sqrt(squares / double(count - 1));
  return spread;
}

int64_t BenchRow::tokens() const {
  return test.kind == BenchKind::Batch ? test.tokens * steps : test.tokens;
}

double BenchRow::msPerStep() const { return secondsPerRepeat() * 1000 / double(steps); }

Spread BenchRow::msPerToken() const {
  std::vector<double> values;
  for (double repeat : seconds)
    values.push_back(repeat * 1000 / double(tokens()));
  return spreadOf(values);
}

double BenchRow::tokensPerSecond() const { return double(tokens()) / secondsPerRepeat(); }

double BenchRow::tokensPerSecondDeviation() const {
  std::vector<double> values;
  for (double repeat : seconds)
    values.push_back(double(tokens()) / repeat);
  return spreadOf(values).deviation;
}

double BenchRow::gigabytesPerSecond() const { return bytes / secondsPerRepeat() / 1e9; }

double BenchRow::shareOfBandwidth() const { return gigabytesPerSecond() / bandwidth; }

} // namespace llmc::cli
