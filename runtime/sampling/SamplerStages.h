#ifndef LLMC_RUNTIME_SAMPLING_SAMPLERSTAGES_H
#define LLMC_RUNTIME_SAMPLING_SAMPLERSTAGES_H

#include "runtime/sampling/SamplerOptions.h"

#include "absl/strings/string_view.h"

#include <cstdint>
#include <span>
#include <vector>

namespace llmc {

/// A token that is still in the race.
struct TokenCandidate {
  int32_t token;
  float logit; ///< never NaN or +infinity; -infinity is a masked token, never all of them
  float p;     ///< meaningful only inside the step that computed it
};

/// What the stages work on.
struct SamplerState {
  SamplerOptions options;
  /// Never empty. candidates[i] is token i until the first stage that drops some.
  std::vector<TokenCandidate> candidates;
  bool sorted = false;                ///< candidates are by falling logit, then rising token
  std::vector<int32_t> window;        ///< the last options.repeatLastN tokens, in any order
  std::vector<int32_t> windowScratch; ///< has the capacity of a full window
};

/// One step on the way from all tokens to the few that may be drawn.
struct SamplerStage {
  absl::string_view name;
  void (*apply)(SamplerState &state);
  /// Whether it counts when the temperature is <= 0, where only the greatest logit matters.
  bool whenGreedy;
};

/// All stages in the order in which they are applied. Each does nothing if its option is off.
std::span<const SamplerStage> samplerStages();

/// The candidate with the greatest logit; of equals, the lowest token.
const TokenCandidate &greatestCandidate(const SamplerState &state);

/// Sets p of every candidate to exp(logit - greatest logit) and returns their sum, which is >= 1.
double setRelativeProbabilities(SamplerState &state);

} // namespace llmc

#endif // LLMC_RUNTIME_SAMPLING_SAMPLERSTAGES_H
