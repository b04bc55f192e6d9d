#include "runtime/sampling/Sampler.h"

#include "absl/strings/str_cat.h"

#include <limits>

namespace llmc {

absl::StatusOr<Sampler> Sampler::create(const SamplerOptions &options) {
  if (absl::Status status = options.validation(); !status.ok())
    return status;
  return Sampler(options, options.seed < 0 ? std::random_device()() : uint32_t(options.seed));
}

Sampler::Sampler(const SamplerOptions &options, uint32_t seed) : seed_(seed), random_(seed) {
  state_.options = options;
  state_.window.reserve(options.repeatLastN);
  state_.windowScratch.reserve(options.repeatLastN);
}

absl::StatusOr<int32_t> Sampler::sample(std::span<const float> logits) {
  if (absl::Status status = load(logits); !status.ok())
    return status;
  const bool greedy = state_.options.temperature <= 0;
  for (const SamplerStage &stage : samplerStages())
    if (!greedy || stage.whenGreedy)
      stage.apply(state_);
  return greedy ? greatestCandidate(state_).token : draw();
}

absl::Status Sampler::load(std::span<const float> logits) {
  if (logits.empty() || logits.size() > size_t(std::numeric_limits<int32_t>::max()))
    return absl::InvalidArgumentError(
        absl::StrCat("cannot sample from ", logits.size(), " logits: give one per token"));
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  state_.candidates.resize(logits.size());
  state_.sorted = false;
  bool allMasked = true;
  for (size_t i = 0; i < logits.size(); ++i) {
    // False for NaN too.
    if (!(logits[i] < kInfinity))
      return absl::InvalidArgumentError(
          absl::StrCat("logit ", i, " of ", logits.size(), " is ", logits[i],
                       ": the model's weights or its compiled code are broken"));
    allMasked &= logits[i] == -kInfinity;
    state_.candidates[i] = {int32_t(i), logits[i], 0};
  }
  if (allMasked)
    return absl::InvalidArgumentError(
        absl::StrCat("all ", logits.size(), " logits are -infinity: leave a token unmasked"));
  return absl::OkStatus();
}

int32_t Sampler::draw() {
  const double target =
      setRelativeProbabilities(state_) * std::uniform_real_distribution<double>()(random_);
  double covered = 0;
  int32_t token = state_.candidates.front().token;
  for (const TokenCandidate &candidate : state_.candidates) {
    if (!(candidate.p > 0))
      continue;
    token = candidate.token;
    covered += candidate.p;
    if (covered >= target)
      break;
  }
  return token;
}

void Sampler::accept(int32_t token) {
  const size_t capacity = size_t(state_.options.repeatLastN);
  if (capacity == 0)
    return;
  if (state_.window.size() < capacity) {
    state_.window.push_back(token);
    return;
  }
  state_.window[oldest_] = token;
  oldest_ = (oldest_ + 1) % capacity;
}

void Sampler::reset() {
  state_.window.clear();
  oldest_ = 0;
  random_.seed(seed_);
}

} // namespace llmc
