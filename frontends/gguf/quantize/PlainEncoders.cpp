// Q8_0, Q4_0, Q4_1, Q5_0, Q5_1 and TQ2_0 where all weights count the same: the step spans the
// block, each weight takes the nearest level. A block of 32 is two vectors. The bytes are those of
// ggml's reference encoders, roundings included.
#include "frontends/gguf/quantize/Blocks32.h"
#include "frontends/gguf/quantize/LevelEncoders.h"
#include "frontends/gguf/quantize/WeightedEncoders.h"

namespace llmc::quantize::LLMC_SIMD_LEVEL {
namespace {

constexpr int kBlock = 32;

inline float inverseOf(float step) { return step != 0 ? 1.0f / step : 0.0f; }

// The weight of largest magnitude, with its sign; the first one of equals.
inline float extremeOf(const float *x, Floats a, Floats b) {
  float magnitude = largestLane(larger(absolute(a), absolute(b)));
  bool positive = orLanes((a == magnitude) | (b == magnitude)) != 0;
  bool negative = orLanes((a == -magnitude) | (b == -magnitude)) != 0;
  if (positive != negative)
    return positive ? magnitude : -magnitude;
  while (absolute(*x) != magnitude)
    ++x;
  return *x;
}

// The integer part, in one byte: what a step too small to invert makes of a weight is 0.
inline Ints levelOf(Floats v, int most) { return smaller(truncate(v) & 0xff, Ints{} + most); }

struct Levels {
  Ints low, high;
};

// d * (q - middle), with the extreme weight at q = 0. Writes d.
inline Levels symmetricLevels(const float *x, int middle, uint8_t *d) {
  Floats a = load(x), b = load(x + kLanes);
  float step = extremeOf(x, a, b) / static_cast<float>(-middle);
  float inverse = inverseOf(step), bias = static_cast<float>(middle) + 0.5f;
  storeHalf(d, step);
  return {levelOf(a * inverse + bias, 2 * middle - 1), levelOf(b * inverse + bias, 2 * middle - 1)};
}

// d * q + m, with m the least weight. Writes d and m.
inline Levels affineLevels(const float *x, int most, uint8_t *dm) {
  Floats a = load(x), b = load(x + kLanes);
  float least = smallestLane(smaller(a, b)), largest = largestLane(larger(a, b));
  float step = (largest - least) / static_cast<float>(most);
  float inverse = inverseOf(step);
  storeHalf(dm, step);
  storeHalf(dm + 2, least);
  return {levelOf((a - least) * inverse + 0.5f, most), levelOf((b - least) * inverse + 0.5f, most)};
}

// Half away from zero: adding the float below one half keeps what is just under a half down.
inline Ints roundAway(Floats v) {
  Floats half = (Floats)(((Ints)v & (int32_t)0x80000000) | bits(0x1.fffffep-2f));
  return truncate(v + half);
}

template <int BlockBytes, class Encode>
inline void eachBlock(const float *x, uint64_t weights, uint8_t *out, Encode encode) {
  for (uint64_t i = 0; i < weights; i += kBlock, out += BlockBytes)
    encode(x + i, out);
}

} // namespace

void encodeQ8_0(const float *x, uint64_t rows, uint64_t columns, const float *, uint8_t *out) {
  eachBlock<34>(x, rows * columns, out, [](const float *p, uint8_t *block) {
    Floats a = load(p), b = load(p + kLanes);
    float step = largestLane(larger(absolute(a), absolute(b))) / 127.0f;
    float inverse = inverseOf(step);
    storeHalf(block, step);
    Bytes low = __builtin_convertvector(roundAway(a * inverse), Bytes);
    Bytes high = __builtin_convertvector(roundAway(b * inverse), Bytes);
    std::memcpy(block + 2, &low, kLanes);
    std::memcpy(block + 2 + kLanes, &high, kLanes);
  });
}

void encodeQ4_0(const float *x, uint64_t rows, uint64_t columns, const float *importance,
                uint8_t *out) {
  if (importance)
    return encodeWeightedQ4_0(x, rows, columns, importance, out);
  eachBlock<18>(x, rows * columns, out, [](const float *p, uint8_t *block) {
    Levels q = symmetricLevels(p, 8, block);
    storeNibbles(block + 2, q.low, q.high);
  });
}

void encodeQ4_1(const float *x, uint64_t rows, uint64_t columns, const float *importance,
                uint8_t *out) {
  if (importance)
    return encodeWeightedQ4_1(x, rows, columns, importance, out);
  eachBlock<20>(x, rows * columns, out, [](const float *p, uint8_t *block) {
    Levels q = affineLevels(p, 15, block);
    storeNibbles(block + 4, q.low, q.high);
  });
}

void encodeQ5_0(const float *x, uint64_t rows, uint64_t columns, const float *importance,
                uint8_t *out) {
  if (importance)
    return encodeWeightedQ5_0(x, rows, columns, importance, out);
  eachBlock<22>(x, rows * columns, out, [](const float *p, uint8_t *block) {
    Levels q = symmetricLevels(p, 16, block);
    storeFifthBits(block + 2, q.low, q.high);
    storeNibbles(block + 6, q.low, q.high);
  });
}

void encodeQ5_1(const float *x, uint64_t rows, uint64_t columns, const float *importance,
                uint8_t *out) {
  if (importance)
    return encodeWeightedQ5_1(x, rows, columns, importance, out);
  eachBlock<24>(x, rows * columns, out, [](const float *p, uint8_t *block) {
    Levels q = affineLevels(p, 31, block);
    storeFifthBits(block + 4, q.low, q.high);
    storeNibbles(block + 8, q.low, q.high);
  });
}

// Each weight is -1, 0 or 1 times the largest magnitude of its block.
void encodeTQ2_0(const float *x, uint64_t rows, uint64_t columns, const float *, uint8_t *out) {
  for (const float *end = x + rows * columns; x < end; x += 256, out += 66) {
    Floats magnitudes{};
    for (int i = 0; i < 256; i += kLanes)
      magnitudes = larger(magnitudes, absolute(load(x + i)));
    float step = largestLane(magnitudes), inverse = inverseOf(step);
    for (int half = 0; half < 2; ++half)
      for (int first = 0; first < 32; first += kLanes) {
        Ints levels{};
        for (int plane = 0; plane < 4; ++plane) {
          Floats v = load(x + 128 * half + 32 * plane + first) * inverse;
          levels |= ((roundAway(v) + 1) & 3) << (2 * plane);
        }
        Bytes bytes = __builtin_convertvector(levels, Bytes);
        std::memcpy(out + 32 * half + first, &bytes, kLanes);
      }
    storeHalf(out + 64, step);
  }
}

} // namespace llmc::quantize::LLMC_SIMD_LEVEL
