#ifndef LLMC_RUNTIME_TRAIN_RANDOM_H
#define LLMC_RUNTIME_TRAIN_RANDOM_H

#include "absl/strings/string_view.h"

#include <cmath>
#include <cstdint>
#include <numbers>

namespace llmc {

/// A bijection of 64-bit words that looks random: the finalizer of splitmix64 (Steele et al. 2014).
inline uint64_t mixBits(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

/// splitmix64: the same numbers on every machine, and a state of one word.
class Random {
public:
  explicit Random(uint64_t seed) : state_(seed) {}
  /// A stream of its own for each name.
  Random(uint64_t seed, absl::string_view name) : state_(mixBits(seed + kStep)) {
    for (char c : name)
      state_ = mixBits(state_ + kStep + static_cast<unsigned char>(c));
  }

  uint64_t next() { return mixBits(state_ += kStep); }
  /// In [0, 1).
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  /// Of mean 0 and variance 1 (Box and Muller).
  double normal() {
    const double radius = std::sqrt(-2 * std::log(1 - uniform()));
    return radius * std::cos(2 * std::numbers::pi * uniform());
  }

private:
  static constexpr uint64_t kStep = 0x9e3779b97f4a7c15u;
  uint64_t state_;
};

} // namespace llmc

#endif // LLMC_RUNTIME_TRAIN_RANDOM_H
