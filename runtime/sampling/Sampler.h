#ifndef LLMC_RUNTIME_SAMPLING_SAMPLER_H
#define LLMC_RUNTIME_SAMPLING_SAMPLER_H

#include "runtime/sampling/SamplerOptions.h"
#include "runtime/sampling/SamplerStages.h"

#include "absl/status/statusor.h"

#include <cstdint>
#include <random>
#include <span>

namespace llmc {

/// Chooses tokens from logits. Given one seed, the same logits give the same tokens. After the
/// first sample() of a vocabulary size nothing is allocated. Not thread-safe.
class Sampler {
public:
  /// Fails as SamplerOptions::validation() does.
  static absl::StatusOr<Sampler> create(const SamplerOptions &options);

  /// Chooses the next token from `logits[vocabulary]`. -infinity masks a token. InvalidArgument if
  /// there are no logits, one is NaN or +infinity, or all are masked; the random state is then as
  /// before. Does not call accept().
  absl::StatusOr<int32_t> sample(std::span<const float> logits);

  /// Adds `token` (of the prompt or generated) to the window that the penalties look at.
  void accept(int32_t token);

  /// Forgets the accepted tokens and starts the random numbers again from seed().
  void reset();

  /// The seed in use: the given one, or the one drawn for -1.
  uint32_t seed() const { return seed_; }

  const SamplerOptions &options() const { return state_.options; }

private:
  Sampler(const SamplerOptions &options, uint32_t seed);

  absl::Status load(std::span<const float> logits);
  int32_t draw();

  SamplerState state_;
  uint32_t seed_;
  std::mt19937 random_;
  size_t oldest_ = 0; ///< in a full state_.window, the token to go next
};

} // namespace llmc

#endif // LLMC_RUNTIME_SAMPLING_SAMPLER_H
