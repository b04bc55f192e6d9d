#ifndef LLMC_RUNTIME_SAMPLING_SAMPLEROPTIONS_H
#define LLMC_RUNTIME_SAMPLING_SAMPLEROPTIONS_H

#include "absl/status/status.h"

#include <cstdint>

namespace llmc {

/// How the next token is chosen. The defaults, and what each option means, are llama.cpp's.
struct SamplerOptions {
  float repeatPenalty = 1.0f; ///< > 0; 1 is off. Logits > 0 are divided by it, others multiplied.
  int32_t repeatLastN = 64;   ///< how many of the last tokens are penalized; 0 is off
  float frequencyPenalty = 0.0f; ///< taken from a logit once per occurrence of its token
  float presencePenalty = 0.0f;  ///< taken from a logit once if its token occurs
  int32_t topK = 40;             ///< keep the k greatest logits; <= 0 is off
  float typicalP = 1.0f;         ///< locally typical sampling, in [0, 1]; 1 is off
  float topP = 0.95f;            ///< nucleus sampling, in [0, 1]; 1 is off
  float minP = 0.05f;            ///< keep p >= minP * (greatest p), in [0, 1]; 0 is off
  float temperature = 0.8f;      ///< <= 0 takes the greatest (penalized) logit
  int64_t seed = -1;             ///< in [0, 2^32), or -1 for a random one

  static constexpr int32_t kMaxRepeatLastN = 1 << 20;

  /// OK, or InvalidArgument naming the first bad option, its value and what it may be.
  absl::Status validation() const;
};

} // namespace llmc

#endif // LLMC_RUNTIME_SAMPLING_SAMPLEROPTIONS_H
