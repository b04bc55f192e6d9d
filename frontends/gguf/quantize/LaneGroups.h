// Rows cut into groups of 16 sub-blocks, one per lane.
#ifndef LLMC_FRONTENDS_GGUF_QUANTIZE_LANEGROUPS_H
#define LLMC_FRONTENDS_GGUF_QUANTIZE_LANEGROUPS_H

#include "frontends/gguf/quantize/Lanes.h"

namespace llmc::quantize::LLMC_SIMD_LEVEL {
namespace {

// x[i][lane] = p[lane * N + i] for the first `lanes` lanes, 0 in the others.
template <int N>
inline void loadGroup(const float *p, int lanes, Floats *x) {
  float columns[N][kLanes];
  if (lanes < kLanes)
    std::memset(columns, 0, sizeof columns);
  for (int lane = 0; lane < lanes; ++lane)
    for (int i = 0; i < N; ++i)
      columns[i][lane] = p[lane * N + i];
  std::memcpy(x, columns, sizeof columns);
}

// bytes[lane * N + i] = l[i][lane], for levels from 0 to 255.
template <int N>
inline void storeLevels(const Floats *l, uint8_t *bytes) {
  int32_t columns[N][kLanes];
  for (int i = 0; i < N; ++i) {
    Ints v = truncate(l[i]);
    std::memcpy(columns[i], &v, sizeof v);
  }
  for (int lane = 0; lane < kLanes; ++lane)
    for (int i = 0; i < N; ++i)
      bytes[lane * N + i] = static_cast<uint8_t>(columns[i][lane]);
}

} // namespace
} // namespace llmc::quantize::LLMC_SIMD_LEVEL

#endif
