// The rotary angles of llm.rope_table: one frequency per pair, from the model's scaling parameters.
#ifndef LLMC_DIALECTS_LLM_FORMATS_ROPEFREQUENCIES_H
#define LLMC_DIALECTS_LLM_FORMATS_ROPEFREQUENCIES_H

#include <cstdint>
#include <vector>

namespace llmc {

enum class RopeScalingKind { None, Linear, Yarn };

// The attributes of llm.rope_table, with its defaults.
struct RopeParameters {
  int64_t dims = 0; // rotated elements of a head, two per pair; even
  double base = 10000;
  RopeScalingKind scaling = RopeScalingKind::None;
  double factor = 1;           // > 0; Linear and Yarn divide angles by it
  double attentionFactor = 1;  // multiplies cosines and sines, whatever the scaling
  double betaFast = 32;        // Yarn: pairs that turn more often than this keep their angle
  double betaSlow = 1;         // Yarn: pairs that turn less often than this are scaled in full
  double extrapolation = 1;    // Yarn: share of the unscaled angle; 0 is Linear
  int64_t originalContext = 0; // Yarn: positions over which turns are counted; > 0
};

struct RopeFrequencies {
  // dims / 2 radians per position: the angle of pair i at `position` is
  // position * frequencies[i] / factors[i].
  std::vector<double> frequencies;
  double magnitude = 1; // of the cosines and sines
};

// Parameters outside the ranges above give meaningless numbers, possibly not finite, but no
// undefined behaviour; the caller bounds `dims`.
RopeFrequencies ropeFrequencies(const RopeParameters &parameters);

} // namespace llmc

#endif
