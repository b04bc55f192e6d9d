#include "runtime/train/MomentCode.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

namespace llmc {
namespace {

/// The shares from 0 to 1 of a code whose first decade has so many parts.
std::vector<float> magnitudes(int firstParts) {
  constexpr int kDecades = 7;
  std::vector<float> out = {0};
  for (int decade = 0; decade < kDecades; ++decade) {
    const int parts = firstParts << decade;
    for (int j = 0; j < parts; ++j)
      out.push_back(static_cast<float>(std::pow(10.0, decade - (kDecades - 1)) *
                                       (0.1 + 0.9 * (j + 0.5) / parts)));
  }
  out.push_back(1);
  return out;
}

MomentCode makeCode(bool isSigned) {
  MomentCode out;
  const std::vector<float> from0 = magnitudes(isSigned ? 1 : 2);
  if (isSigned) {
    // All have a negative twin but 0 and 1.
    for (int32_t k = 0; k < kSignedZero; ++k)
      out.shares[k] = -from0[kSignedZero - k];
    std::ranges::copy(from0, out.shares + kSignedZero);
  } else {
    std::ranges::copy(from0, out.shares);
  }

  constexpr uint32_t kLow = (1u << MomentCode::kShift) - 1;
  uint32_t code = 0;
  for (uint32_t i = 0; i < MomentCode::kBuckets; ++i) {
    const uint32_t last = MomentCode::kFirstBits + (i << MomentCode::kShift) + kLow;
    uint32_t border = ~0u;
    if (code + 1 < from0.size())
      border =
          std::bit_cast<uint32_t>(static_cast<float>((double(from0[code]) + from0[code + 1]) / 2));
    const bool inside = border <= last;
    out.buckets[i] = (inside ? border & kLow : kLow) << 8 | code;
    code += inside;
  }
  return out;
}

} // namespace

const MomentCode &MomentCode::signedCode() {
  static const MomentCode code = makeCode(true);
  return code;
}

const MomentCode &MomentCode::unsignedCode() {
  static const MomentCode code = makeCode(false);
  return code;
}

} // namespace llmc
