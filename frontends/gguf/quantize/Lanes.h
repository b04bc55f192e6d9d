// Vectors of 16 floats for the encoders, in standard operators only, so that each CPU level
// compiles them to what it has.
//
// Encoder sources are compiled once per CPU level (see CMakeLists.txt), each time in a namespace of
// its own: nothing that another level could share may be defined outside it, or a CPU could be
// handed instructions that it lacks. Floating-point contraction is off, so that all levels give the
// same bytes.
#ifndef LLMC_FRONTENDS_GGUF_QUANTIZE_LANES_H
#define LLMC_FRONTENDS_GGUF_QUANTIZE_LANES_H

#include <cstdint>
#include <cstring>

#ifndef LLMC_SIMD_LEVEL
#define LLMC_SIMD_LEVEL baseline
#endif

namespace llmc::quantize::LLMC_SIMD_LEVEL {
namespace {

constexpr int kLanes = 16;
typedef float Floats __attribute__((vector_size(4 * kLanes)));
typedef int32_t Ints __attribute__((vector_size(4 * kLanes)));
typedef uint8_t Bytes __attribute__((vector_size(kLanes)));
typedef _Float16 Halves __attribute__((vector_size(2 * kLanes)));
typedef uint16_t Shorts __attribute__((vector_size(2 * kLanes)));

inline Floats load(const float *p) {
  Floats v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
inline void store(float *p, Floats v) { std::memcpy(p, &v, sizeof v); }
inline Floats all(float x) { return x - Floats{}; }

inline Ints bits(Floats v) { return (Ints)v; }
inline int32_t bits(float v) { return __builtin_bit_cast(int32_t, v); }
inline Floats toFloat(Ints v) { return __builtin_convertvector(v, Floats); }
inline float toFloat(int32_t v) { return static_cast<float>(v); }
inline Floats absolute(Floats v) { return (Floats)((Ints)v & 0x7fffffff); }
inline float absolute(float v) { return __builtin_fabsf(v); }

template <class T>
inline T larger(T a, T b) {
  return a > b ? a : b;
}
template <class T>
inline T smaller(T a, T b) {
  return a < b ? a : b;
}

inline Floats squareRoot(Floats v) {
  for (int i = 0; i < kLanes; ++i)
    v[i] = __builtin_sqrtf(v[i]);
  return v;
}

// Truncation to an integer; what does not fit gives INT32_MIN, as x86 does.
inline Ints truncate(Floats v) {
  return __builtin_convertvector(absolute(v) < 0x1p31f ? v : all(-0x1p31f), Ints);
}

// Adding 1.5 * 2^23 leaves the nearest integer, ties to even, in the low bits of a float. Beyond
// 2^22 what is left there means nothing but is well defined.
constexpr float kRounder = 12582912.0f;
template <class F>
inline auto nearestInt(F v) {
  return (bits(v + kRounder) & 0x007fffff) - 0x00400000;
}
// The nearest integer clamped to [low, high] as a float; NaN gives `low`.
template <class F>
inline F nearestWithin(F v, float low, float high) {
  F t = v + kRounder;
  F bottom = F{} + (kRounder + low), top = F{} + (kRounder + high);
  t = t > bottom ? t : bottom;
  t = t < top ? t : top;
  return t - kRounder;
}

#define LLMC_FOLD(v, combine)                                                                      \
  v = combine(                                                                                     \
      v, __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));     \
  v = combine(                                                                                     \
      v, __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11));     \
  v = combine(                                                                                     \
      v, __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13));     \
  v = combine(v,                                                                                   \
              __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14))

template <class V>
inline V either(V a, V b) {
  return a | b;
}
inline float largestLane(Floats v) {
  LLMC_FOLD(v, larger);
  return v[0];
}
inline float smallestLane(Floats v) {
  LLMC_FOLD(v, smaller);
  return v[0];
}
inline int32_t orLanes(Ints v) {
  LLMC_FOLD(v, either);
  return v[0];
}
#undef LLMC_FOLD

// IEEE half bits of a float, ties to even; what is too large becomes infinity.
inline uint16_t halfBits(float f) { return __builtin_bit_cast(uint16_t, static_cast<_Float16>(f)); }
inline float halfValue(uint16_t h) { return static_cast<float>(__builtin_bit_cast(_Float16, h)); }
inline void storeHalf(uint8_t *p, float f) {
  uint16_t h = halfBits(f);
  std::memcpy(p, &h, 2);
}

} // namespace
} // namespace llmc::quantize::LLMC_SIMD_LEVEL

#endif
