// Compiled once for each CPU level, in a namespace of its own (see CMakeLists.txt): nothing that
// another level could share may be defined outside it. Without contraction all levels give the same
// bits.
#include "runtime/train/AdamKernels.h"

#include "runtime/train/MomentCode.h"

#ifndef LLMC_SIMD_LEVEL
#define LLMC_SIMD_LEVEL baseline
#endif

namespace llmc::LLMC_SIMD_LEVEL {
namespace {

int32_t bitsOf(float x) { return __builtin_bit_cast(int32_t, x); }
int32_t smaller(int32_t a, int32_t b) { return a < b ? a : b; }
int32_t larger(int32_t a, int32_t b) { return a > b ? a : b; }

void updateFloats(const AdamFactors &f, uint64_t count, float *__restrict values,
                  float *__restrict gradient, float *__restrict first, float *__restrict second) {
  for (uint64_t i = 0; i < count; ++i) {
    const float g = gradient[i] * f.gradient;
    const float m = first[i] * f.beta1 + g * f.oneMinusBeta1;
    const float v = second[i] * f.beta2 + g * g * f.oneMinusBeta2;
    first[i] = m;
    second[i] = v;
    gradient[i] = 0;
    values[i] = values[i] * f.keep - f.step * m / (__builtin_sqrtf(v) * f.rootOfSecond + f.epsilon);
  }
}

// Looks up one after the other: on many CPUs, vector instructions for it take longer.
template <class Index, class T>
void lookUp(const T *__restrict table, const Index *__restrict places, uint64_t count,
            T *__restrict out) {
#pragma clang loop vectorize(disable) unroll_count(8)
  for (uint64_t i = 0; i < count; ++i)
    out[i] = table[places[i]];
}

void decode(const float *shares, const uint8_t *codes, float scale, uint64_t count,
            float *__restrict out) {
  lookUp(shares, codes, count, out);
  for (uint64_t i = 0; i < count; ++i)
    out[i] *= scale;
}

template <bool kSigned>
float encode(const uint32_t *buckets, const float *__restrict x, uint64_t count,
             uint8_t *__restrict codes) {
  constexpr int32_t kMagnitude = 0x7fffffff, kLargest = 0x7f7fffff, kMinNormal = 0x00800000;
  constexpr int32_t kFirst = MomentCode::kFirstBits, kOne = MomentCode::kOneBits;
  constexpr int32_t kLow = (1 << MomentCode::kShift) - 1;
  // Bits of positive floats have the order of the floats; integers can be compared in any order.
  int32_t most = 0;
  for (uint64_t i = 0; i < count; ++i)
    most = larger(most, bitsOf(x[i]) & kMagnitude);
  const float scale = __builtin_bit_cast(float, smaller(most, kLargest));
  const float perScale = most < kMinNormal ? 1.0f : 1.0f / scale;
  alignas(64) int32_t shares[kMomentBlock];
  alignas(64) uint16_t places[kMomentBlock];
  alignas(64) uint32_t found[kMomentBlock];
  for (uint64_t i = 0; i < count; ++i) {
    shares[i] = bitsOf(x[i] * perScale);
    const int32_t share = smaller(larger(shares[i] & kMagnitude, kFirst), kOne);
    places[i] = static_cast<uint16_t>((share - kFirst) >> MomentCode::kShift);
  }
  lookUp(buckets, places, count, found);
  for (uint64_t i = 0; i < count; ++i) {
    const int32_t bits = shares[i], share = smaller(larger(bits & kMagnitude, kFirst), kOne);
    int32_t code = static_cast<int32_t>(found[i] & 255) +
                   ((share & kLow) > static_cast<int32_t>(found[i] >> 8));
    if (kSigned) // there is no -1
      code = bits < 0 ? kSignedZero - smaller(code, kSignedZero) : kSignedZero + code;
    else
      code = larger(code, bits > 0);
    codes[i] = static_cast<uint8_t>(code);
  }
  return most < kMinNormal ? 0.0f : scale;
}

void updateBlocks(const AdamFactors &f, uint64_t count, float *values, float *gradient,
                  const AdamBlocks &moments) {
  const MomentCode &signedCode = MomentCode::signedCode();
  const MomentCode &unsignedCode = MomentCode::unsignedCode();
  alignas(64) float first[kMomentBlock], second[kMomentBlock];
  for (uint64_t begin = 0, block = 0; begin < count; begin += kMomentBlock, ++block) {
    const uint64_t size = count - begin < kMomentBlock ? count - begin : kMomentBlock;
    decode(signedCode.shares, moments.first + begin, moments.firstScale[block], size, first);
    decode(unsignedCode.shares, moments.second + begin, moments.secondScale[block], size, second);
    updateFloats(f, size, values + begin, gradient + begin, first, second);
    moments.firstScale[block] =
        encode<true>(signedCode.buckets, first, size, moments.first + begin);
    moments.secondScale[block] =
        encode<false>(unsignedCode.buckets, second, size, moments.second + begin);
  }
}

} // namespace

extern const AdamKernels kernels;
const AdamKernels kernels = {updateFloats, updateBlocks};

} // namespace llmc::LLMC_SIMD_LEVEL
