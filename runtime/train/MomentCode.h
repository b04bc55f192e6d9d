#ifndef LLMC_RUNTIME_TRAIN_MOMENTCODE_H
#define LLMC_RUNTIME_TRAIN_MOMENTCODE_H

#include <cstdint>

namespace llmc {

/// Elements that share a scale, the largest absolute value among them.
constexpr uint64_t kMomentBlock = 256;

/// The 8-bit code of moments: dynamic quantization (Dettmers et al. 2022, "8-bit Optimizers via
/// Block-wise Quantization"). A code stands for a share of its block's scale. Shares have seven
/// decades, 1e-7 to 1; decade i (from 0) is cut in n parts of equal width, whose means are its
/// shares:
///   10^(i - 6) (0.1 + 0.9 (j + 0.5) / n),  j = 0 .. n - 1
/// Of the signed code, n = 2^i, and each share is there with either sign; of the unsigned one,
/// n = 2^(i + 1). Both have 0 and 1, too, so that there are 256. Codes are in the order of shares.
struct MomentCode {
  static const MomentCode &signedCode();
  static const MomentCode &unsignedCode();

  float shares[256]; ///< of each code

  /// Nearest shares: buckets of floats by their bits, 2^kShift floats in each, so narrow that at
  /// most one border between codes lies in each. The code of a positive share x, counted from the
  /// code of 0, is
  ///   (bucket & 255) + (low kShift bits of x > bucket >> 8)
  ///   bucket = buckets[(x - kFirstBits) >> kShift]
  /// for bits x from kFirstBits to kOneBits; below, it is 0.
  static constexpr int kShift = 16;
  static constexpr uint32_t kFirstBits = 0x34000000, kOneBits = 0x3f800000; // 2^-23 and 1
  static constexpr uint32_t kBuckets = ((kOneBits - kFirstBits) >> kShift) + 1;
  uint32_t buckets[kBuckets];
};

/// The signed code of 0; the unsigned one is 0.
constexpr int32_t kSignedZero = 127;

} // namespace llmc

#endif // LLMC_RUNTIME_TRAIN_MOMENTCODE_H
