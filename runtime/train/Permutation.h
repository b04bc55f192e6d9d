#ifndef LLMC_RUNTIME_TRAIN_PERMUTATION_H
#define LLMC_RUNTIME_TRAIN_PERMUTATION_H

#include "runtime/train/Random.h"

#include <bit>
#include <cstdint>

namespace llmc {

/// A shuffled order of 0 .. size - 1 that needs no memory, so that its place in it is all there is
/// to save: a Feistel network over the next power of four, walked until it is inside (Black and
/// Rogaway 2002, "Ciphers with arbitrary finite domains").
class Permutation {
public:
  /// `size` > 0.
  Permutation(uint64_t size, uint64_t key)
      : size_(size), key_(key), halfBits_((std::bit_width(size - 1) + 1) / 2) {}

  /// The element at `place` < size.
  uint64_t operator()(uint64_t place) const {
    do
      place = cipher(place);
    while (place >= size_);
    return place;
  }

private:
  static constexpr int kRounds = 6;

  uint64_t cipher(uint64_t x) const {
    const uint64_t mask = (uint64_t(1) << halfBits_) - 1;
    uint64_t left = x >> halfBits_, right = x & mask;
    for (int round = 0; round < kRounds; ++round) {
      const uint64_t next = left ^ (mixBits(key_ + mixBits(right * kRounds + round + 1)) & mask);
      left = right;
      right = next;
    }
    return left << halfBits_ | right;
  }

  uint64_t size_, key_;
  int halfBits_;
};

} // namespace llmc

#endif // LLMC_RUNTIME_TRAIN_PERMUTATION_H
