// Q2_K, Q4_K and Q5_K: w = d * s[j] * q - dmin * m[j], with integers s and m for each sub-block j.
//
// First each sub-block gets the float scale and minimum that fit it best. Rounding those to
// integers costs more than the search gained, so s, m, d and dmin are then fitted again where it
// counts: in the error of the weights as they will be decoded.
#include "frontends/gguf/quantize/FreeFits.h"
#include "frontends/gguf/quantize/LevelEncoders.h"
#include "frontends/gguf/quantize/SuperBlocks.h"

namespace llmc::quantize::LLMC_SIMD_LEVEL {
namespace {

constexpr int kRounds =
    2; // of integers, then steps; a third gains less than one part in a thousand

// What a block's bytes are made of.
struct AffineBlock {
  const uint8_t *levels; // 256
  int scales[16], minimums[16];
  uint16_t d, dmin;
};

// Levels from 0 to Most, scales and minimums from 0 to MostScale.
template <int N, int Most, int MostScale>
class AffineSearch {
  using Group = WeightGroup<N>;
  static constexpr int kSubBlocks = Group::kSubBlocks, kBlocks = Group::kBlocks;

public:
  AffineSearch(const Group &group, const ScaleAndMinimum &fit) : group_(group) {
    for (int block = 0; block < group.blocks; ++block) {
      float scale = 0, minimum = 0;
      for (int lane = block * kSubBlocks; lane < (block + 1) * kSubBlocks; ++lane) {
        scale = larger<float>(fit.scale[lane], scale);
        minimum = larger<float>(fit.minimum[lane], minimum);
      }
      setSteps(block, halfBits(scale / MostScale), halfBits(minimum / MostScale));
    }
    now_.scale = nearestWithin(fit.scale * inverseOrZero(now_.d), 0, MostScale);
    now_.minimum = nearestWithin(fit.minimum * inverseOrZero(now_.dmin), 0, MostScale);
    now_.error = errorOf(now_.scale, now_.minimum, nullptr);
    for (int round = 0; round < kRounds; ++round) {
      moveIntegers();
      fitSteps();
    }
  }

  // The levels of the group as bytes, 256 for each block.
  void levels(uint8_t *bytes) const {
    Floats l[N];
    errorOf(now_.scale, now_.minimum, l);
    storeLevels<N>(l, bytes);
  }

  AffineBlock block(int index, const uint8_t *levels) const {
    AffineBlock b{levels + kSuperBlock * index, {}, {}, now_.dBits[index], now_.dminBits[index]};
    for (int j = 0; j < kSubBlocks; ++j) {
      b.scales[j] = static_cast<int>(now_.scale[index * kSubBlocks + j]);
      b.minimums[j] = static_cast<int>(now_.minimum[index * kSubBlocks + j]);
    }
    return b;
  }

private:
  struct State {
    Floats d{}, dmin{};        // each block's steps, in all its lanes
    Floats scale{}, minimum{}; // integers
    Floats error{};            // of each lane, with these
    uint16_t dBits[kBlocks]{}, dminBits[kBlocks]{};
  };

  void setSteps(int block, uint16_t d, uint16_t dmin) {
    now_.dBits[block] = d;
    now_.dminBits[block] = dmin;
    for (int lane = block * kSubBlocks; lane < (block + 1) * kSubBlocks; ++lane) {
      now_.d[lane] = halfValue(d);
      now_.dmin[lane] = halfValue(dmin);
    }
  }

  // The weighted error of each lane when its weights take their nearest levels.
  Floats errorOf(Floats scale, Floats minimum, Floats *levels) const {
    Floats step = now_.d * scale, base = now_.dmin * minimum;
    Floats inverse = inverseOrZero(step), error{};
    for (int i = 0; i < N; ++i) {
      Floats y = group_.x[i] + base;
      Floats l = nearestWithin(y * inverse, 0, Most);
      if (levels)
        levels[i] = l;
      Floats miss = step * l - y;
      error += group_.w[i] * (miss * miss);
    }
    return error;
  }

  // Tries the neighbours of each lane's integers.
  void moveIntegers() {
    Floats scale = now_.scale, minimum = now_.minimum;
    for (int s = -1; s <= 1; ++s)
      for (int m = -1; m <= 1; ++m) {
        if (s == 0 && m == 0)
          continue;
        Floats newScale = within(scale + static_cast<float>(s));
        Floats newMinimum = within(minimum + static_cast<float>(m));
        Floats error = errorOf(newScale, newMinimum, nullptr);
        Ints better = error < now_.error;
        now_.scale = better ? newScale : now_.scale;
        now_.minimum = better ? newMinimum : now_.minimum;
        now_.error = better ? error : now_.error;
      }
  }
  static Floats within(Floats v) { return smaller(larger(v, all(0)), all(MostScale)); }

  // Fits d and dmin of each block to the levels that its weights have now, and keeps them where the
  // error falls.
  void fitSteps() {
    Floats levels[N];
    errorOf(now_.scale, now_.minimum, levels);
    Floats sumLl{}, sumL{}, sumXl{}, sumW{}, sumX{};
    for (int i = 0; i < N; ++i) {
      Floats wl = group_.w[i] * levels[i];
      sumLl += wl * levels[i];
      sumL += wl;
      sumXl += wl * group_.x[i];
      sumW += group_.w[i];
      sumX += group_.w[i] * group_.x[i];
    }
    const State before = now_;
    for (int block = 0; block < group_.blocks; ++block) {
      // Least squares of d * (s * l) - dmin * m = x.
      double ss = 0, sm = 0, mm = 0, sx = 0, mx = 0;
      for (int lane = block * kSubBlocks; lane < (block + 1) * kSubBlocks; ++lane) {
        double s = now_.scale[lane], m = now_.minimum[lane];
        ss += s * s * sumLl[lane];
        sm += s * m * sumL[lane];
        mm += m * m * sumW[lane];
        sx += s * sumXl[lane];
        mx += m * sumX[lane];
      }
      double determinant = ss * mm - sm * sm, d = 0, dmin = 0;
      if (determinant > 1e-9 * ss * mm) {
        d = (sx * mm - sm * mx) / determinant;
        dmin = (sm * sx - ss * mx) / determinant;
      }
      if (!(determinant > 1e-9 * ss * mm) || dmin < 0) {
        d = ss > 0 ? sx / ss : 0;
        dmin = 0;
      }
      if (d > 0)
        setSteps(block, halfBits(static_cast<float>(d)), halfBits(static_cast<float>(dmin)));
    }
    now_.error = errorOf(now_.scale, now_.minimum, nullptr);
    for (int block = 0; block < group_.blocks; ++block) {
      double gain = 0;
      for (int lane = block * kSubBlocks; lane < (block + 1) * kSubBlocks; ++lane)
        gain += double(before.error[lane]) - double(now_.error[lane]);
      if (gain > 0)
        continue;
      setSteps(block, before.dBits[block], before.dminBits[block]);
      for (int lane = block * kSubBlocks; lane < (block + 1) * kSubBlocks; ++lane)
        now_.error[lane] = before.error[lane];
    }
  }

  const Group &group_;
  State now_;
};

template <int N, int Most, int MostScale, int BlockBytes, class Pack>
inline void encodeAffine(const float *x, uint64_t rows, uint64_t columns, const float *importance,
                         uint8_t *out, Steps steps, Pack pack) {
  eachWeightGroup<N, BlockBytes>(
      x, rows, columns, importance, out, [&](const WeightGroup<N> &group, uint8_t *blocks) {
        AffineSearch<N, Most, MostScale> search(
            group, findScaleAndMinimum<N>(group.x, group.w, Most, steps));
        uint8_t levels[N * kLanes];
        search.levels(levels);
        for (int i = 0; i < group.blocks; ++i)
          pack(search.block(i, levels), blocks + BlockBytes * i);
      });
}

inline void storeSteps(uint8_t *out, const AffineBlock &block) {
  std::memcpy(out, &block.d, 2);
  std::memcpy(out + 2, &block.dmin, 2);
}

// Eight 6-bit scales and minimums in twelve bytes: the first four of each in the low six bits of
// bytes 0-7, the others' low halves in bytes 8-11 and their top bits above the first ones.
inline void storeSixBits(uint8_t *out, const AffineBlock &block) {
  for (int j = 0; j < 4; ++j) {
    int s = block.scales[j + 4], m = block.minimums[j + 4];
    out[j] = static_cast<uint8_t>(block.scales[j] | (s >> 4) << 6);
    out[j + 4] = static_cast<uint8_t>(block.minimums[j] | (m >> 4) << 6);
    out[j + 8] = static_cast<uint8_t>((s & 0xf) | (m & 0xf) << 4);
  }
}

} // namespace

void encodeQ2_K(const float *x, uint64_t rows, uint64_t columns, const float *importance,
                uint8_t *out) {
  encodeAffine<16, 3, 15, 84>(x, rows, columns, importance, out, {-1.0f, 0.2f, 10},
                              [](const AffineBlock &block, uint8_t *bytes) {
                                for (int j = 0; j < 16; ++j)
                                  bytes[j] = static_cast<uint8_t>(block.scales[j] |
                                                                  block.minimums[j] << 4);
                                storeTwoBits(bytes + 16, block.levels, 0);
                                storeSteps(bytes + 80, block);
                              });
}

void encodeQ4_K(const float *x, uint64_t rows, uint64_t columns, const float *importance,
                uint8_t *out) {
  encodeAffine<32, 15, 63, 144>(x, rows, columns, importance, out, {-2.1f, 0.35f, 10},
                                [](const AffineBlock &block, uint8_t *bytes) {
                                  storeSteps(bytes, block);
                                  storeSixBits(bytes + 4, block);
                                  storeFourBits(bytes + 16, block.levels);
                                });
}

void encodeQ5_K(const float *x, uint64_t rows, uint64_t columns, const float *importance,
                uint8_t *out) {
  encodeAffine<32, 31, 63, 176>(x, rows, columns, importance, out, {-3.0f, 0.4f, 12},
                                [](const AffineBlock &block, uint8_t *bytes) {
                                  storeSteps(bytes, block);
                                  storeSixBits(bytes + 4, block);
                                  storeOneBit(bytes + 16, block.levels, 4);
                                  storeFourBits(bytes + 48, block.levels);
                                });
}

} // namespace llmc::quantize::LLMC_SIMD_LEVEL
