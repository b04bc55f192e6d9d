#include "frontends/gguf/quantize/ImportanceStatistics.h"

#include "absl/strings/str_cat.h"
#include "frontends/gguf/quantize/Mixtures.h"
#include <algorithm>
#include <cmath>

namespace llmc::quantize {
namespace {

constexpr double kActive = 1e-5;

std::vector<double> meansOf(const ImportanceSums::Entry &entry) {
  std::vector<double> means(entry.sums.size());
  for (size_t i = 0; i < means.size(); ++i)
    means[i] = entry.mean(i);
  return means;
}

ImportanceStatistics describe(const std::string &tensor, const std::vector<double> &means) {
  ImportanceStatistics s;
  s.tensor = tensor;
  s.columns = means.size();
  const double count = static_cast<double>(means.size());
  for (double x : means)
    s.sum += x;
  s.mean = s.sum / count;
  s.least = *std::min_element(means.begin(), means.end());
  s.most = *std::max_element(means.begin(), means.end());
  double squares = 0;
  for (double x : means) {
    squares += (x - s.mean) * (x - s.mean);
    s.active += (x > kActive) / count;
    if (x > 0)
      s.entropy -= x / s.sum * std::log2(x / s.sum);
  }
  s.deviation = std::sqrt(squares / count);
  for (double x : means)
    s.high += (x > s.mean + s.deviation) / count;
  return s;
}

std::optional<double> cosineOf(const std::vector<double> &a, const std::vector<double> &b) {
  if (a.size() != b.size())
    return std::nullopt;
  double product = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    product += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  if (aa == 0 || bb == 0)
    return std::nullopt;
  return product / std::sqrt(aa) / std::sqrt(bb);
}

} // namespace

double ImportanceStatistics::evenness() const {
  return columns > 1 ? entropy / std::log2(static_cast<double>(columns)) : 1;
}

std::vector<ImportanceStatistics> importanceStatistics(const ImportanceSums &sums) {
  std::vector<ImportanceStatistics> all;
  for (const auto &[name, entry] : sums.entries()) {
    const std::vector<double> means = meansOf(entry);
    all.push_back(describe(name, means));
    const int64_t block = blockOf(name);
    if (block < 1)
      continue;
    // blk.N.rest
    const std::string rest = name.substr(name.find('.', 4));
    auto before = sums.entries().find(absl::StrCat("blk.", block - 1, rest));
    if (before != sums.entries().end())
      all.back().cosine = cosineOf(means, meansOf(before->second));
  }
  std::sort(all.begin(), all.end(), [](const auto &a, const auto &b) {
    return a.sum != b.sum ? a.sum > b.sum : a.tensor < b.tensor;
  });
  return all;
}

} // namespace llmc::quantize
