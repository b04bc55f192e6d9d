// Q3_K and Q6_K: w = d * s[j] * q, with a signed integer s for each sub-block j of 16 weights, so
// that a group of 16 lanes is one block.
//
// As in AffineKEncoders.cpp, the integers and d are fitted again after rounding, in the error of
// the weights as they will be decoded.
#include "frontends/gguf/quantize/FreeFits.h"
#include "frontends/gguf/quantize/LevelEncoders.h"
#include "frontends/gguf/quantize/SuperBlocks.h"

namespace llmc::quantize::LLMC_SIMD_LEVEL {
namespace {

constexpr int kSubBlock = 16;
constexpr int kRounds = 2;
using Group = WeightGroup<kSubBlock>;

inline double sumOfLanes(Floats v) {
  double sum = 0;
  for (int lane = 0; lane < kLanes; ++lane)
    sum += v[lane];
  return sum;
}

// Levels from -Middle to Middle - 1, scales from -MostScale to MostScale - 1.
// d is tried so that the largest scale is at its end, one below it, ..., `Starts` times.
template <int Middle, int MostScale, int Starts>
class SymmetricSearch {
public:
  SymmetricSearch(const Group &group, Steps steps) : group_(group) {
    Floats target = findScale<kSubBlock>(group.x, group.w, Middle, steps);
    float largest = 0;
    for (int lane = 0; lane < kLanes; ++lane)
      if (absolute(target[lane]) > absolute(largest))
        largest = target[lane];
    start(target, largest);
    for (int round = 0; round < kRounds; ++round) {
      moveIntegers();
      if (!fitStep())
        break;
    }
  }

  uint16_t d() const { return dBits_; }
  int scale(int j) const { return static_cast<int>(scale_[j]); }
  // Each plus Middle.
  void levels(uint8_t *bytes) const {
    Floats l[kSubBlock];
    errorOf(halfValue(dBits_), scale_, l);
    for (Floats &v : l)
      v += static_cast<float>(Middle);
    storeLevels<kSubBlock>(l, bytes);
  }

private:
  Floats errorOf(float d, Floats scale, Floats *levels) const {
    Floats step = d * scale, inverse = inverseOrZero(step), error{};
    for (int i = 0; i < kSubBlock; ++i) {
      Floats l = nearestWithin(group_.x[i] * inverse, -Middle, Middle - 1);
      if (levels)
        levels[i] = l;
      Floats miss = step * l - group_.x[i];
      error += group_.w[i] * (miss * miss);
    }
    return error;
  }

  void start(Floats target, float largest) {
    error_ = errorOf(0, scale_, nullptr);
    for (int i = 0; i < Starts; ++i) {
      uint16_t dBits = halfBits(largest / static_cast<float>(i - MostScale));
      float d = halfValue(dBits);
      if (d == 0)
        continue;
      Floats scale = nearestWithin(target / d, -MostScale, MostScale - 1);
      Floats error = errorOf(d, scale, nullptr);
      if (dBits_ == 0 || sumOfLanes(error) < sumOfLanes(error_)) {
        dBits_ = dBits;
        scale_ = scale;
        error_ = error;
      }
    }
  }

  void moveIntegers() {
    float d = halfValue(dBits_);
    Floats scale = scale_;
    for (int s = -1; s <= 1; s += 2) {
      Floats moved =
          larger(smaller(scale + static_cast<float>(s), all(MostScale - 1)), all(-MostScale));
      Floats error = errorOf(d, moved, nullptr);
      Ints better = error < error_;
      scale_ = better ? moved : scale_;
      error_ = better ? error : error_;
    }
  }

  // Fits d to the levels that the weights have now; false if that does not lessen the error.
  bool fitStep() {
    Floats levels[kSubBlock], sumXl{}, sumLl{};
    errorOf(halfValue(dBits_), scale_, levels);
    for (int i = 0; i < kSubBlock; ++i) {
      Floats wl = group_.w[i] * levels[i];
      sumXl += wl * group_.x[i];
      sumLl += wl * levels[i];
    }
    double sx = 0, ss = 0;
    for (int lane = 0; lane < kLanes; ++lane) {
      double s = scale_[lane];
      sx += s * sumXl[lane];
      ss += s * s * sumLl[lane];
    }
    if (!(ss > 0))
      return false;
    uint16_t dBits = halfBits(static_cast<float>(sx / ss));
    Floats error = errorOf(halfValue(dBits), scale_, nullptr);
    if (!(sumOfLanes(error) < sumOfLanes(error_)))
      return false;
    dBits_ = dBits;
    error_ = error;
    return true;
  }

  const Group &group_;
  uint16_t dBits_ = 0;
  Floats scale_{}, error_{};
};

// Sixteen 6-bit scales in twelve bytes: low halves in bytes 0-7, top bits in bytes 8-11.
template <class Search>
inline void storeSixBitScales(uint8_t *out, const Search &search) {
  std::memset(out, 0, 12);
  for (int j = 0; j < 16; ++j) {
    int s = search.scale(j) + 32;
    out[j % 8] = static_cast<uint8_t>(out[j % 8] | (s & 0xf) << 4 * (j / 8));
    out[8 + j % 4] = static_cast<uint8_t>(out[8 + j % 4] | (s >> 4) << 2 * (j / 4));
  }
}

} // namespace

void encodeQ3_K(const float *x, uint64_t rows, uint64_t columns, const float *importance,
                uint8_t *out) {
  // Where weights count unevenly, the best step may be farther from the one that spans them.
  const Steps steps = importance ? Steps{-1.6f, 0.2f, 16} : Steps{-0.9f, 0.3f, 6};
  eachWeightGroup<kSubBlock, 110>(x, rows, columns, importance, out,
                                  [steps](const Group &group, uint8_t *block) {
                                    SymmetricSearch<4, 32, 2> search(group, steps);
                                    uint8_t levels[kSuperBlock];
                                    search.levels(levels);
                                    storeOneBit(block, levels, 2);
                                    storeTwoBits(block + 32, levels, 0);
                                    storeSixBitScales(block + 96, search);
                                    uint16_t d = search.d();
                                    std::memcpy(block + 108, &d, 2);
                                  });
}

void encodeQ6_K(const float *x, uint64_t rows, uint64_t columns, const float *importance,
                uint8_t *out) {
  eachWeightGroup<kSubBlock, 210>(
      x, rows, columns, importance, out, [](const Group &group, uint8_t *block) {
        SymmetricSearch<32, 128, 4> search(group, {-9.0f, 0.6f, 15});
        uint8_t levels[kSuperBlock];
        search.levels(levels);
        for (int half = 0; half < 2; ++half)
          for (int l = 0; l < 64; ++l) {
            const uint8_t *q = levels + 128 * half + l;
            block[64 * half + l] = static_cast<uint8_t>((q[0] & 0xf) | (q[64] & 0xf) << 4);
          }
        storeTwoBits(block + 128, levels, 4);
        for (int j = 0; j < 16; ++j)
          block[192 + j] = static_cast<uint8_t>(search.scale(j));
        uint16_t d = search.d();
        std::memcpy(block + 208, &d, 2);
      });
}

} // namespace llmc::quantize::LLMC_SIMD_LEVEL
