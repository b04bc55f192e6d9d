// What the encoders of 256-weight blocks share: how much each weight's error counts, and the bytes
// of levels.
#ifndef LLMC_FRONTENDS_GGUF_QUANTIZE_SUPERBLOCKS_H
#define LLMC_FRONTENDS_GGUF_QUANTIZE_SUPERBLOCKS_H

#include "frontends/gguf/quantize/LaneGroups.h"

namespace llmc::quantize::LLMC_SIMD_LEVEL {
namespace {

constexpr int kSuperBlock = 256;

inline Floats inverseOrZero(Floats d) { return d == 0 ? all(0) : 1.0f / d; }

// A group of sub-blocks of N weights, one per lane, and the weights of their errors.
template <int N>
struct WeightGroup {
  static constexpr int kSubBlocks = kSuperBlock / N;
  static constexpr int kBlocks = kLanes / kSubBlocks;

  Floats x[N], w[N];
  int blocks; // present in this group; the lanes of the others are 0

  // `p` and `importance` point at the group's first weight.
  void read(const float *p, const float *importance, int present) {
    blocks = present;
    loadGroup<N>(p, present * kSubBlocks, x);
    Floats squares{};
    for (int i = 0; i < N; ++i)
      squares += x[i] * x[i];
    if (!importance)
      return weighEvenly(squares);
    loadGroup<N>(importance, present * kSubBlocks, w);
    float variance[kLanes];
    for (int block = 0; block < kBlocks; ++block) {
      float sum = 0;
      for (int lane = 0; lane < kSubBlocks; ++lane)
        sum += squares[block * kSubBlocks + lane];
      for (int lane = 0; lane < kSubBlocks; ++lane)
        variance[block * kSubBlocks + lane] = 2 * sum / kSuperBlock;
    }
    for (int i = 0; i < N; ++i)
      w[i] *= squareRoot(load(variance) + x[i] * x[i]);
    // Columns that never saw an activation leave nothing to fit to; then all count the same.
    Floats total{};
    for (int i = 0; i < N; ++i)
      total += w[i];
    for (int i = 0; i < N; ++i)
      w[i] = total > 0 ? w[i] : all(1);
  }

private:
  // Large weights count more, as their errors meet large activations more often.
  void weighEvenly(Floats squares) {
    Floats rms = squareRoot(squares / static_cast<float>(N));
    for (int i = 0; i < N; ++i)
      w[i] = rms + absolute(x[i]);
  }
};

// Calls encode(group, out) for the groups of all rows, where out is the first of group.blocks
// blocks of BlockBytes bytes.
template <int N, int BlockBytes, class Encode>
inline void eachWeightGroup(const float *x, uint64_t rows, uint64_t columns,
                            const float *importance, uint8_t *out, Encode encode) {
  if (!importance) {
    columns *= rows;
    rows = 1;
  }
  WeightGroup<N> group;
  for (uint64_t row = 0; row < rows; ++row)
    for (uint64_t at = 0; at < columns; at += kSuperBlock * group.kBlocks) {
      uint64_t left = (columns - at) / kSuperBlock;
      group.read(x + row * columns + at, importance ? importance + at : nullptr,
                 left < group.kBlocks ? static_cast<int>(left) : group.kBlocks);
      encode(group, out);
      out += BlockBytes * group.blocks;
    }
}

// Two bits of 256 levels in 64 bytes: byte l of a half holds weights l, l + 32, l + 64, l + 96.
inline void storeTwoBits(uint8_t *out, const uint8_t *levels, int shift) {
  for (int half = 0; half < 2; ++half)
    for (int l = 0; l < 32; ++l) {
      const uint8_t *q = levels + 128 * half + l;
      out[32 * half + l] =
          static_cast<uint8_t>((q[0] >> shift & 3) | (q[32] >> shift & 3) << 2 |
                               (q[64] >> shift & 3) << 4 | (q[96] >> shift & 3) << 6);
    }
}

// One bit of 256 levels in 32 bytes: bit c of byte l belongs to weight 32 * c + l.
inline void storeOneBit(uint8_t *out, const uint8_t *levels, int shift) {
  for (int l = 0; l < 32; ++l) {
    int byte = 0;
    for (int c = 0; c < 8; ++c)
      byte |= (levels[32 * c + l] >> shift & 1) << c;
    out[l] = static_cast<uint8_t>(byte);
  }
}

// The low four bits of 256 levels in 128 bytes: 32 bytes for each 64 weights, low halves first.
inline void storeFourBits(uint8_t *out, const uint8_t *levels) {
  for (int chunk = 0; chunk < 4; ++chunk)
    for (int l = 0; l < 32; ++l) {
      const uint8_t *q = levels + 64 * chunk + l;
      out[32 * chunk + l] = static_cast<uint8_t>((q[0] & 0xf) | (q[32] & 0xf) << 4);
    }
}

} // namespace
} // namespace llmc::quantize::LLMC_SIMD_LEVEL

#endif
