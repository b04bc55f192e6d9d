#include "runtime/sampling/SamplerStages.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace llmc {
namespace {

/// The order of sorted candidates. It is total, so that results do not depend on the algorithm.
bool before(const TokenCandidate &a, const TokenCandidate &b) {
  return a.logit > b.logit || (a.logit == b.logit && a.token < b.token);
}

void applyPenalties(SamplerState &state) {
  const SamplerOptions &options = state.options;
  if (options.repeatPenalty == 1 && options.frequencyPenalty == 0 && options.presencePenalty == 0)
    return;
  std::vector<int32_t> &tokens = state.windowScratch;
  tokens.assign(state.window.begin(), state.window.end());
  std::sort(tokens.begin(), tokens.end());
  for (size_t begin = 0, end; begin < tokens.size(); begin = end) {
    const int32_t token = tokens[begin];
    end = std::upper_bound(tokens.begin() + begin, tokens.end(), token) - tokens.begin();
    if (token < 0 || size_t(token) >= state.candidates.size())
      continue;
    float &logit = state.candidates[token].logit;
    if (logit == -std::numeric_limits<float>::infinity())
      continue;
    float penalized = logit > 0 ? logit / options.repeatPenalty : logit * options.repeatPenalty;
    penalized -= float(end - begin) * options.frequencyPenalty + options.presencePenalty;
    // Extreme penalties overflow; an infinity would be NaN in the softmax, or a mask.
    constexpr float kGreatest = std::numeric_limits<float>::max();
    logit = std::isnan(penalized) ? -kGreatest : std::clamp(penalized, -kGreatest, kGreatest);
  }
}

void applyTopK(SamplerState &state) {
  std::vector<TokenCandidate> &candidates = state.candidates;
  if (state.options.topK <= 0)
    return;
  const size_t k = std::min(size_t(state.options.topK), candidates.size());
  // Keeps the best k of what was seen in front, collects up to k better ones behind them, and
  // separates the two only when that room is full: most of a vocabulary costs one comparison.
  size_t kept = 0;
  const TokenCandidate *worst = nullptr;
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (worst != nullptr && !before(candidates[i], *worst))
      continue;
    candidates[kept++] = candidates[i];
    if (kept == 2 * k) {
      std::nth_element(candidates.begin(), candidates.begin() + (k - 1), candidates.begin() + kept,
                       before);
      worst = &candidates[k - 1];
      kept = k;
    }
  }
  std::partial_sort(candidates.begin(), candidates.begin() + k, candidates.begin() + kept, before);
  candidates.resize(k);
  state.sorted = true;
}

void applyTypicalP(SamplerState &state) {
  const float typicalP = state.options.typicalP;
  if (typicalP >= 1)
    return;
  const double sum = setRelativeProbabilities(state);
  const double logSum = std::log(sum);
  const float greatest = greatestCandidate(state).logit;
  // -log p of a candidate is surprise(logit); it is infinite where p is 0.
  auto surprise = [&](float logit) { return logSum + (double(greatest) - double(logit)); };
  double entropy = 0;
  for (const TokenCandidate &candidate : state.candidates)
    if (candidate.p > 0)
      entropy += candidate.p / sum * surprise(candidate.logit);
  // From here p is the distance of the surprise from the entropy.
  for (TokenCandidate &candidate : state.candidates)
    candidate.p = float(std::min(std::abs(surprise(candidate.logit) - entropy),
                                 double(std::numeric_limits<float>::max())));
  std::sort(state.candidates.begin(), state.candidates.end(),
            [](const TokenCandidate &a, const TokenCandidate &b) {
              return a.p < b.p || (a.p == b.p && before(a, b));
            });
  state.sorted = false;
  double covered = 0;
  size_t kept = 0;
  while (kept < state.candidates.size() && covered <= typicalP)
    covered += std::exp(-surprise(state.candidates[kept++].logit));
  state.candidates.resize(kept);
}

void applyTopP(SamplerState &state) {
  if (state.options.topP >= 1)
    return;
  std::vector<TokenCandidate> &candidates = state.candidates;
  const double enough = setRelativeProbabilities(state) * state.options.topP;
  // The nucleus is mostly a small part of the vocabulary, so sort only as much as it needs.
  size_t sorted = state.sorted ? candidates.size() : 0;
  double covered = 0;
  size_t kept = 0;
  do {
    if (kept == sorted) {
      const auto from = candidates.begin() + sorted;
      sorted = std::min(candidates.size(), std::max<size_t>(256, 4 * sorted));
      std::nth_element(from, candidates.begin() + sorted, candidates.end(), before);
      std::sort(from, candidates.begin() + sorted, before);
    }
    covered += candidates[kept++].p;
  } while (kept < candidates.size() && covered < enough);
  candidates.resize(kept);
  state.sorted = true;
}

void applyMinP(SamplerState &state) {
  if (state.options.minP <= 0)
    return;
  const float least = greatestCandidate(state).logit + std::log(state.options.minP);
  std::erase_if(state.candidates,
                [&](const TokenCandidate &candidate) { return candidate.logit < least; });
}

void applyTemperature(SamplerState &state) {
  // Relative to the greatest, so that a tiny temperature cannot overflow two logits to infinity.
  const float greatest = greatestCandidate(state).logit;
  for (TokenCandidate &candidate : state.candidates)
    candidate.logit = (candidate.logit - greatest) / state.options.temperature;
}

constexpr SamplerStage kStages[] = {
    {"penalties", applyPenalties, true}, {"top-k", applyTopK, false},
    {"typical-p", applyTypicalP, false}, {"top-p", applyTopP, false},
    {"min-p", applyMinP, false},         {"temperature", applyTemperature, false},
};

} // namespace

std::span<const SamplerStage> samplerStages() { return kStages; }

const TokenCandidate &greatestCandidate(const SamplerState &state) {
  if (state.sorted)
    return state.candidates.front();
  return *std::min_element(state.candidates.begin(), state.candidates.end(), before);
}

double setRelativeProbabilities(SamplerState &state) {
  const float greatest = greatestCandidate(state).logit;
  double sum = 0;
  for (TokenCandidate &candidate : state.candidates)
    sum += candidate.p = std::exp(candidate.logit - greatest);
  return sum;
}

} // namespace llmc
