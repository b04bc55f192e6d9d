// The 32-weight formats where columns differ in importance: 16 blocks of a row at once, one per
// lane, each with the step whose weighted least-squares fit is best. The bytes are those of ggml.
#include "frontends/gguf/quantize/WeightedEncoders.h"
#include "frontends/gguf/quantize/Blocks32.h"
#include "frontends/gguf/quantize/LaneFits.h"
#include "frontends/gguf/quantize/LaneGroups.h"

namespace llmc::quantize::LLMC_SIMD_LEVEL {
namespace {

constexpr int kBlock = 32;
constexpr Steps kWideSteps = {-0.9f, 0.05f, 36};

inline float meanSquare(const float *x, uint64_t count) {
  float sum = 0;
  for (uint64_t i = 0; i < count; ++i)
    sum += x[i] * x[i];
  return sum / static_cast<float>(count);
}

// The levels of one block of a group.
struct BlockLevels {
  Ints low, high;
};
inline BlockLevels levelsOfLane(const Ints *levels, int lane) {
  BlockLevels q;
  for (int i = 0; i < kLanes; ++i) {
    q.low[i] = levels[i][lane];
    q.high[i] = levels[i + kLanes][lane];
  }
  return q;
}

// fit(x, w, levels) fits a group; write(lane, levels, block) writes one of its blocks.
template <int BlockBytes, class Fit, class Write>
inline void eachGroup(const float *x, uint64_t rows, uint64_t columns, const float *importance,
                      uint8_t *out, Fit fit, Write write) {
  for (uint64_t row = 0; row < rows; ++row, x += columns) {
    float variance = meanSquare(x, columns);
    for (uint64_t at = 0; at < columns; at += kBlock * kLanes) {
      uint64_t blocks = (columns - at) / kBlock;
      int lanes = blocks < kLanes ? static_cast<int>(blocks) : kLanes;
      Floats v[kBlock], w[kBlock];
      Ints levels[kBlock];
      loadGroup<kBlock>(x + at, lanes, v);
      loadGroup<kBlock>(importance + at, lanes, w);
      for (int i = 0; i < kBlock; ++i)
        w[i] *= squareRoot(variance + v[i] * v[i]);
      auto result = fit(v, w, levels);
      for (int lane = 0; lane < lanes; ++lane, out += BlockBytes)
        write(result, lane, levelsOfLane(levels, lane), out);
    }
  }
}

template <int Middle>
inline SymmetricFit fitLevels(const Floats *v, const Floats *w, Ints *levels) {
  SymmetricFit fit = fitSymmetric<kBlock>(v, w, Middle);
  for (int i = 0; i < kBlock; ++i) {
    Ints l = truncate(nearestWithin(fit.inverse * v[i], -Middle, Middle - 1)) + Middle;
    levels[i] = fit.zero ? Ints{} : l;
  }
  return fit;
}

template <int Most>
inline AffineFit fitAffineLevels(const Floats *v, const Floats *w, Ints *levels) {
  AffineFit fit = fitAffine<kBlock>(v, w, Most, kWideSteps);
  for (int i = 0; i < kBlock; ++i)
    levels[i] = affineLevel(fit, v[i], Most);
  return fit;
}

inline void storeStepAndBase(uint8_t *block, const AffineFit &fit, int lane) {
  storeHalf(block, fit.scale[lane]);
  storeHalf(block + 2, -fit.minimum[lane]);
}

} // namespace

void encodeWeightedQ4_0(const float *x, uint64_t rows, uint64_t columns, const float *importance,
                        uint8_t *out) {
  eachGroup<18>(x, rows, columns, importance, out, fitLevels<8>,
                [](const SymmetricFit &fit, int lane, BlockLevels q, uint8_t *block) {
                  storeHalf(block, fit.scale[lane]);
                  storeNibbles(block + 2, q.low, q.high);
                });
}

void encodeWeightedQ5_0(const float *x, uint64_t rows, uint64_t columns, const float *importance,
                        uint8_t *out) {
  eachGroup<22>(x, rows, columns, importance, out, fitLevels<16>,
                [](const SymmetricFit &fit, int lane, BlockLevels q, uint8_t *block) {
                  storeHalf(block, fit.scale[lane]);
                  storeFifthBits(block + 2, q.low, q.high);
                  storeNibbles(block + 6, q.low, q.high);
                });
}

void encodeWeightedQ4_1(const float *x, uint64_t rows, uint64_t columns, const float *importance,
                        uint8_t *out) {
  eachGroup<20>(x, rows, columns, importance, out, fitAffineLevels<15>,
                [](const AffineFit &fit, int lane, BlockLevels q, uint8_t *block) {
                  storeStepAndBase(block, fit, lane);
                  storeNibbles(block + 4, q.low, q.high);
                });
}

void encodeWeightedQ5_1(const float *x, uint64_t rows, uint64_t columns, const float *importance,
                        uint8_t *out) {
  eachGroup<24>(x, rows, columns, importance, out, fitAffineLevels<31>,
                [](const AffineFit &fit, int lane, BlockLevels q, uint8_t *block) {
                  storeStepAndBase(block, fit, lane);
                  storeFifthBits(block + 4, q.low, q.high);
                  storeNibbles(block + 8, q.low, q.high);
                });
}

} // namespace llmc::quantize::LLMC_SIMD_LEVEL
