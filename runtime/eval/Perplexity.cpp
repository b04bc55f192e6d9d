#include "runtime/eval/Perplexity.h"

#include "absl/strings/str_cat.h"

#include <cmath>
#include <limits>

namespace llmc {

absl::StatusOr<double> negativeLogLikelihood(std::span<const float> logits, int32_t target) {
  if (target < 0 || size_t(target) >= logits.size())
    return absl::InvalidArgumentError(
        absl::StrCat("token ", target, " has no logit: the model gives ", logits.size()));
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  float greatest = -kInfinity;
  for (size_t i = 0; i < logits.size(); ++i) {
    if (!(logits[i] < kInfinity)) // or NaN
      return absl::InvalidArgumentError(
          absl::StrCat("logit ", i, " of ", logits.size(), " is ", logits[i],
                       ": the model's weights or its compiled code are broken"));
    greatest = std::max(greatest, logits[i]);
  }
  if (logits[target] == -kInfinity)
    return absl::InvalidArgumentError(
        absl::StrCat("the logit of token ", target, " is -infinity: the perplexity is infinite"));
  double sum = 0;
  for (float logit : logits)
    sum += std::exp(logit - greatest);
  return std::log(sum) + (double(greatest) - double(logits[target]));
}

void PerplexityAccumulator::add(double nll) {
  ++count_;
  const double fromOldMean = nll - mean_;
  mean_ += fromOldMean / double(count_);
  squares_ += fromOldMean * (nll - mean_);
}

absl::Status PerplexityAccumulator::add(std::span<const float> logits, int32_t target) {
  absl::StatusOr<double> nll = negativeLogLikelihood(logits, target);
  if (nll.ok())
    add(*nll);
  return nll.status();
}

double PerplexityAccumulator::perplexity() const {
  return count_ == 0 ? std::numeric_limits<double>::quiet_NaN() : std::exp(mean_);
}

double PerplexityAccumulator::standardError() const {
  if (count_ < 2)
    return 0;
  return perplexity() * std::sqrt(squares_ / double(count_) / double(count_ - 1));
}

absl::StatusOr<PerplexityPlan> PerplexityPlan::create(std::span<const int32_t> tokens,
                                                      size_t context, std::optional<int32_t> bos) {
  if (context < 3)
    return absl::InvalidArgumentError(
        absl::StrCat("a context of ", context, " tokens leaves none to score: use at least 3"));
  if (tokens.size() / 2 < context)
    return absl::InvalidArgumentError(absl::StrCat(
        "perplexity with a context of ", context, " needs a text of at least ", 2 * context,
        " tokens, but this one has ", tokens.size(), ": give a longer text or a smaller context"));
  return PerplexityPlan(tokens, context, bos);
}

PerplexityWindow PerplexityPlan::window(size_t index) const {
  const std::span<const int32_t> part = tokens_.subspan(index * context_, context_);
  PerplexityWindow window{{part.begin(), part.end()}, context_ / 2, scoredPerWindow()};
  if (bos_)
    window.tokens.front() = *bos_;
  return window;
}

} // namespace llmc
