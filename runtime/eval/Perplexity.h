#ifndef LLMC_RUNTIME_EVAL_PERPLEXITY_H
#define LLMC_RUNTIME_EVAL_PERPLEXITY_H

#include "absl/status/statusor.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace llmc {

/// -log softmax(logits)[target] in nats, stable for logits of any size; `logits` is [vocabulary].
/// InvalidArgument if `target` is outside of it, a logit is NaN or +infinity, or the target's is
/// -infinity (its perplexity is infinite). Touches nothing shared: rows may be scored in parallel.
absl::StatusOr<double> negativeLogLikelihood(std::span<const float> logits, int32_t target);

/// Mean of negative log likelihoods, as perplexity with its standard error.
class PerplexityAccumulator {
public:
  void add(double nll);
  /// Adds negativeLogLikelihood(logits, target), or nothing on its errors.
  absl::Status add(std::span<const float> logits, int32_t target);

  size_t count() const { return count_; }
  /// exp(mean nll); NaN before the first add().
  double perplexity() const;
  /// llama-perplexity's estimate: ppl * sqrt((mean(nll^2) - mean(nll)^2) / (n - 1)); 0 for n < 2.
  double standardError() const;

private:
  size_t count_ = 0;
  double mean_ = 0;
  double squares_ = 0; ///< sum of squared distances from the mean
};

/// One run of the model from an empty context.
struct PerplexityWindow {
  std::vector<int32_t> tokens; ///< what to feed, as long as the context
  /// The logits at positions [firstScored, firstScored + scored) are scored.
  size_t firstScored;
  size_t scored;

  /// The token that the logits at `position` should predict.
  int32_t target(size_t position) const { return tokens[position + 1]; }
};

/// llama-perplexity's way through a text: adjoining windows of `context` tokens (what is left over
/// at the end is not used), the first token of each replaced by BOS if the model wants one, and
/// positions context / 2 to context - 2 of each scored against the token that follows.
class PerplexityPlan {
public:
  /// `tokens` is the whole text as the tokenizer gives it, with a leading BOS if the vocabulary
  /// adds one (so does llama-perplexity), and must outlive the plan. `bos` is empty for
  /// vocabularies that add none. Fails if there are fewer than 2 * context tokens, or context is
  /// less than 3.
  static absl::StatusOr<PerplexityPlan> create(std::span<const int32_t> tokens, size_t context,
                                               std::optional<int32_t> bos);

  size_t windows() const { return tokens_.size() / context_; }
  size_t scoredPerWindow() const { return context_ - 1 - context_ / 2; }

  /// `index` is less than windows().
  PerplexityWindow window(size_t index) const;

private:
  PerplexityPlan(std::span<const int32_t> tokens, size_t context, std::optional<int32_t> bos)
      : tokens_(tokens), context_(context), bos_(bos) {}

  std::span<const int32_t> tokens_;
  size_t context_;
  std::optional<int32_t> bos_;
};

} // namespace llmc

#endif // LLMC_RUNTIME_EVAL_PERPLEXITY_H
