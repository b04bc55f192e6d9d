#include "runtime/sampling/SamplerOptions.h"

#include "absl/strings/str_cat.h"

#include <cmath>
#include <limits>

namespace llmc {
namespace {

template <class Value>
absl::Status bad(absl::string_view name, Value value, absl::string_view remedy) {
  return absl::InvalidArgumentError(
      absl::StrCat("sampler option ", name, " is ", value, ": it must be ", remedy));
}

} // namespace

absl::Status SamplerOptions::validation() const {
  // Each test is written so that NaN fails it.
  if (!(repeatPenalty > 0) || !std::isfinite(repeatPenalty))
    return bad("repeat-penalty", repeatPenalty, "greater than 0 (1 switches it off)");
  if (repeatLastN < 0 || repeatLastN > kMaxRepeatLastN)
    return bad("repeat-last-n", repeatLastN,
               absl::StrCat("between 0 (which switches it off) and ", kMaxRepeatLastN));
  if (!std::isfinite(frequencyPenalty))
    return bad("frequency-penalty", frequencyPenalty, "a finite number (0 switches it off)");
  if (!std::isfinite(presencePenalty))
    return bad("presence-penalty", presencePenalty, "a finite number (0 switches it off)");
  if (!(typicalP >= 0 && typicalP <= 1))
    return bad("typical-p", typicalP, "between 0 and 1 (1 switches it off)");
  if (!(topP >= 0 && topP <= 1))
    return bad("top-p", topP, "between 0 and 1 (1 switches it off)");
  if (!(minP >= 0 && minP <= 1))
    return bad("min-p", minP, "between 0 and 1 (0 switches it off)");
  if (!std::isfinite(temperature))
    return bad("temp", temperature, "a finite number (0 is greedy)");
  if (seed < -1 || seed > std::numeric_limits<uint32_t>::max())
    return bad("seed", seed, "between 0 and 4294967295, or -1 for a random one");
  return absl::OkStatus();
}

} // namespace llmc
