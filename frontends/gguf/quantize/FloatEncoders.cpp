// F32, F16 and BF16.
#include "frontends/gguf/quantize/Lanes.h"
#include "frontends/gguf/quantize/LevelEncoders.h"

namespace llmc::quantize::LLMC_SIMD_LEVEL {
namespace {

// Ties to even.
inline Shorts bfloatBits(Floats v) {
  Ints b = (Ints)v;
  return __builtin_convertvector((b + 0x7fff + ((b >> 16) & 1)) >> 16, Shorts);
}

// x86 before F16C has no conversions of halves, and the compiler would call a function for each.
#if defined(__x86_64__) && !defined(__F16C__)
inline Shorts halfBits(Floats v) {
  Ints sign = (Ints)v & (int32_t)0x80000000, b = (Ints)v ^ sign;
  // Ties to even; what overflows is infinity. Below the least normal half, adding 0.5 rounds at the
  // half's last place.
  Ints normal = (b + (int32_t)(0xc8000fff) + ((b >> 13) & 1)) >> 13;
  Ints small = (Ints)((Floats)b + 0.5f) - 0x3f000000;
  Ints half = b < 0x38800000 ? small : smaller(normal, Ints{} + 0x7c00);
  return __builtin_convertvector(half | ((sign >> 16) & 0x8000), Shorts);
}
inline Floats halfValues(Shorts h) {
  Ints b = __builtin_convertvector(h, Ints), exponent = b & 0x7c00;
  Ints magnitude = (Ints)((Floats)((b & 0x7fff) << 13) * 0x1p112f);
  magnitude |= exponent == 0x7c00 ? Ints{} + 0x7f800000 : Ints{};
  return (Floats)(magnitude | (b & 0x8000) << 16);
}
#else
inline Shorts halfBits(Floats v) { return (Shorts) __builtin_convertvector(v, Halves); }
inline Floats halfValues(Shorts h) { return __builtin_convertvector((Halves)h, Floats); }
#endif

template <class Convert>
inline void convertAll(const float *x, uint64_t count, uint8_t *out, Convert convert) {
  uint64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    Shorts h = convert(load(x + i));
    std::memcpy(out + 2 * i, &h, sizeof h);
  }
  if (i < count) {
    float rest[kLanes] = {};
    std::memcpy(rest, x + i, 4 * (count - i));
    Shorts h = convert(load(rest));
    std::memcpy(out + 2 * i, &h, 2 * (count - i));
  }
}

template <class Convert>
inline void convertBack(const uint8_t *in, uint64_t count, float *out, Convert convert) {
  uint64_t i = 0;
  Shorts h;
  for (; i + kLanes <= count; i += kLanes) {
    std::memcpy(&h, in + 2 * i, sizeof h);
    store(out + i, convert(h));
  }
  if (i < count) {
    h = Shorts{};
    std::memcpy(&h, in + 2 * i, 2 * (count - i));
    Floats v = convert(h);
    std::memcpy(out + i, &v, 4 * (count - i));
  }
}

} // namespace

void encodeF32(const float *x, uint64_t rows, uint64_t columns, const float *, uint8_t *out) {
  std::memcpy(out, x, 4 * rows * columns);
}

void encodeF16(const float *x, uint64_t rows, uint64_t columns, const float *, uint8_t *out) {
  convertAll(x, rows * columns, out, [](Floats v) { return halfBits(v); });
}

void encodeBF16(const float *x, uint64_t rows, uint64_t columns, const float *, uint8_t *out) {
  convertAll(x, rows * columns, out, bfloatBits);
}

void halvesToFloats(const uint8_t *in, uint64_t count, float *out) {
  convertBack(in, count, out, [](Shorts h) { return halfValues(h); });
}

void bfloatsToFloats(const uint8_t *in, uint64_t count, float *out) {
  convertBack(in, count, out,
              [](Shorts h) { return (Floats)(__builtin_convertvector(h, Ints) << 16); });
}

uint64_t firstNotFinite(const float *x, uint64_t count) {
  constexpr int32_t kExponent = 0x7f800000;
  uint64_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    if (orLanes(((Ints)load(x + i) & kExponent) == kExponent) != 0)
      break;
  while (i < count && (bits(x[i]) & kExponent) != kExponent)
    ++i;
  return i;
}

} // namespace llmc::quantize::LLMC_SIMD_LEVEL
