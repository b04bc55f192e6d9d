// IQ4_NL, IQ4_XS and MXFP4: a level is an index into a table of 16 values.
//
// One block of 32 weights per lane. The steps tried and the order of the float operations are
// ggml's, and so are the bytes.
#include "frontends/gguf/quantize/LaneFits.h"
#include "frontends/gguf/quantize/LaneGroups.h"
#include "frontends/gguf/quantize/LevelEncoders.h"

namespace llmc::quantize::LLMC_SIMD_LEVEL {
namespace {

constexpr int kBlock = 32;
constexpr int kTries =
    7; // to each side of the step that puts the extreme weight on the first value

constexpr int kIq4Values[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                1,    13,   25,  38,  53,  69,  89,  113};

// The nearest value of the table: its index, or itself. A tie goes up.
inline Ints nearestIndex(Floats v) {
  Floats twice = v + v;
  Ints index{};
  for (int j = 1; j < 16; ++j)
    index -= twice >= static_cast<float>(kIq4Values[j - 1] + kIq4Values[j]);
  return index;
}
inline Floats nearestValue(Floats v) {
  Floats twice = v + v, value = all(kIq4Values[0]);
  for (int j = 1; j < 16; ++j) {
    Ints above = twice >= static_cast<float>(kIq4Values[j - 1] + kIq4Values[j]);
    value = above ? all(kIq4Values[j]) : value;
  }
  return value;
}

struct CodebookGroup {
  Floats x[kBlock], w[kBlock];

  // Without importance large weights count more; `variance` is of each lane otherwise.
  void read(const float *p, const float *importance, const float *variance, int lanes) {
    loadGroup<kBlock>(p, lanes, x);
    if (importance)
      loadGroup<kBlock>(importance, lanes, w);
    for (int i = 0; i < kBlock; ++i) {
      Floats square = x[i] * x[i];
      w[i] = importance ? w[i] * squareRoot(load(variance) + square) : square;
    }
  }

  // The scale of each lane; 0 where all is zero.
  Floats fit() const {
    Floats magnitude, extreme = extremeOf<kBlock>(x, magnitude);
    Ints zero = magnitude < kLeastWeight;
    extreme = zero ? all(1) : extreme;
    Floats sumXq, sumQq;
    project(1.0f / (-extreme / static_cast<float>(kIq4Values[0])), sumXq, sumQq);
    Floats scale = sumQq > 0 ? sumXq / sumQq : all(0);
    Floats best = scale * sumXq;
    for (int i = -kTries; i <= kTries; ++i) {
      project(static_cast<float>(i + kIq4Values[0]) / extreme, sumXq, sumQq);
      Ints better = (sumQq > 0) & (sumXq * sumXq > best * sumQq);
      Floats fitted = sumXq / sumQq;
      scale = better ? fitted : scale;
      best = better ? fitted * sumXq : best;
    }
    return zero ? all(0) : scale;
  }

  // 16 bytes of one lane, with the inverse of each lane's scale.
  void indices(Floats inverse, uint8_t *bytes) const {
    for (int i = 0; i < kBlock / 2; ++i) {
      Ints pair = nearestIndex(inverse * x[i]) | nearestIndex(inverse * x[i + 16]) << 4;
      for (int lane = 0; lane < kLanes; ++lane)
        bytes[16 * lane + i] = static_cast<uint8_t>(pair[lane]);
    }
  }

private:
  void project(Floats inverse, Floats &sumXq, Floats &sumQq) const {
    sumXq = sumQq = Floats{};
    for (int i = 0; i < kBlock; ++i) {
      Floats q = nearestValue(inverse * x[i]);
      sumXq += w[i] * q * x[i];
      sumQq += w[i] * q * q;
    }
  }
};

// Twice the mean square of `count` weights.
inline float doubleMeanSquare(const float *x, int count) {
  float sum = 0;
  for (int i = 0; i < count; ++i)
    sum += x[i] * x[i];
  return sum * (2.0f / static_cast<float>(count));
}

// Calls encode(group, lanes, out) for groups of up to 16 consecutive blocks of 32 of a row;
// `varianceOver` is the number of weights over which ggml takes their variance.
template <class Encode>
inline void eachCodebookGroup(const float *x, uint64_t rows, uint64_t columns,
                              const float *importance, int varianceOver, Encode encode) {
  if (!importance) {
    columns *= rows;
    rows = 1;
  }
  CodebookGroup group;
  for (uint64_t row = 0; row < rows; ++row, x += columns)
    for (uint64_t at = 0; at < columns; at += kBlock * kLanes) {
      uint64_t blocks = (columns - at) / kBlock;
      int lanes = blocks < kLanes ? static_cast<int>(blocks) : kLanes;
      float variance[kLanes] = {};
      for (int lane = 0; importance && lane < lanes; ++lane) {
        int first = lane * kBlock / varianceOver * varianceOver;
        variance[lane] = lane * kBlock == first ? doubleMeanSquare(x + at + first, varianceOver)
                                                : variance[lane - 1];
      }
      group.read(x + at, importance ? importance + at : nullptr, variance, lanes);
      encode(group, lanes);
    }
}

inline float inverseOrZero(float v) { return v != 0 ? 1 / v : 0.0f; }

// The 136 bytes of an IQ4_XS block, whose eight scales start at lane `first`; sets the inverses
// with which its indices are looked up.
inline void storeScales(uint8_t *block, const float *scales, float *inverses) {
  float largest = 0;
  for (int j = 0; j < 8; ++j)
    if (absolute(scales[j]) > absolute(largest))
      largest = scales[j];
  float d = -largest / 32, inverse = inverseOrZero(d);
  storeHalf(block, d);
  uint16_t high = 0;
  uint8_t low[4] = {};
  for (int j = 0; j < 8; ++j) {
    int l = nearestInt(inverse * scales[j]);
    l = larger(-32, smaller(31, l));
    inverses[j] = inverseOrZero(d * static_cast<float>(l));
    low[j / 2] = static_cast<uint8_t>(low[j / 2] | ((l + 32) & 0xf) << 4 * (j % 2));
    high = static_cast<uint16_t>(high | (l + 32) >> 4 << 2 * j);
  }
  std::memcpy(block + 2, &high, 2);
  std::memcpy(block + 4, low, 4);
}

// The exponent byte of a block whose largest magnitude is this: it makes that 4 to 8 of the steps
// of which the table goes to 6.
inline int exponentOf(float magnitude) {
  if (!(magnitude > 0))
    return 0;
  int e = static_cast<int>(__builtin_floorf(__builtin_log2f(magnitude))) - 2 + 127;
  return larger(e, 0);
}

} // namespace

void encodeIQ4_NL(const float *x, uint64_t rows, uint64_t columns, const float *importance,
                  uint8_t *out) {
  eachCodebookGroup(x, rows, columns, importance, 32, [&](const CodebookGroup &group, int lanes) {
    Floats scale = group.fit();
    uint8_t indices[16 * kLanes];
    group.indices(scale != 0 ? 1.0f / scale : all(0), indices);
    for (int lane = 0; lane < lanes; ++lane, out += 18) {
      storeHalf(out, scale[lane]);
      std::memcpy(out + 2, indices + 16 * lane, 16);
    }
  });
}

void encodeIQ4_XS(const float *x, uint64_t rows, uint64_t columns, const float *importance,
                  uint8_t *out) {
  eachCodebookGroup(x, rows, columns, importance, 256, [&](const CodebookGroup &group, int lanes) {
    float scales[kLanes], inverses[kLanes] = {};
    store(scales, group.fit());
    for (int first = 0; first < lanes; first += 8)
      storeScales(out + 136 * (first / 8), scales + first, inverses + first);
    uint8_t indices[16 * kLanes];
    group.indices(load(inverses), indices);
    for (int first = 0; first < lanes; first += 8, out += 136)
      std::memcpy(out + 8, indices + 16 * first, 128);
  });
}

void encodeMXFP4(const float *x, uint64_t rows, uint64_t columns, const float *, uint8_t *out) {
  // Twice the E2M1 values; the eight negative ones follow in the same order, -0 first.
  constexpr float kValues[8] = {0, 1, 2, 3, 4, 6, 8, 12};
  for (const float *end = x + rows * columns; x < end; x += kBlock, out += 17) {
    Floats half[2] = {load(x), load(x + kLanes)};
    int e = exponentOf(largestLane(larger(absolute(half[0]), absolute(half[1]))));
    // 2^(e - 128), of which e = 0 and e = 1 are denormal.
    float step = __builtin_bit_cast(float, e < 2 ? 0x00200000 << e : (e - 1) << 23);
    Ints index[2];
    for (int h = 0; h < 2; ++h) {
      index[h] = Ints{};
      Floats best = absolute(half[h]);
      for (int i = 1; i < 16; ++i) {
        if (i == 8)
          continue;
        Floats miss = absolute((i < 8 ? kValues[i] : -kValues[i - 8]) * step - half[h]);
        Ints nearer = miss < best;
        best = nearer ? miss : best;
        index[h] = nearer ? Ints{} + i : index[h];
      }
    }
    out[0] = static_cast<uint8_t>(e);
    Bytes bytes = __builtin_convertvector(index[0] | index[1] << 4, Bytes);
    std::memcpy(out + 1, &bytes, sizeof bytes);
  }
}

} // namespace llmc::quantize::LLMC_SIMD_LEVEL
