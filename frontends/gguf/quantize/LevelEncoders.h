// What one CPU level's compilation of the encoders offers.
#ifndef LLMC_FRONTENDS_GGUF_QUANTIZE_LEVELENCODERS_H
#define LLMC_FRONTENDS_GGUF_QUANTIZE_LEVELENCODERS_H

#include <cstdint>

namespace llmc::quantize {

// Encodes `rows` rows of `columns` finite weights. `columns` is a multiple of the format's block;
// `importance` has one factor per column or is nullptr.
using RowEncoder = void (*)(const float *x, uint64_t rows, uint64_t columns,
                            const float *importance, uint8_t *out);

struct LevelTable {
  RowEncoder (*find)(uint32_t ggmlType); // nullptr for a type without an encoder
  // 16-bit floats to floats.
  void (*halvesToFloats)(const uint8_t *in, uint64_t count, float *out);
  void (*bfloatsToFloats)(const uint8_t *in, uint64_t count, float *out);
  // The index of the first number that is NaN or infinite; `count` when there is none.
  uint64_t (*firstNotFinite)(const float *x, uint64_t count);
};

#ifdef LLMC_SIMD_LEVEL
namespace LLMC_SIMD_LEVEL {

extern const LevelTable table;

void encodeF32(const float *, uint64_t, uint64_t, const float *, uint8_t *);
void encodeF16(const float *, uint64_t, uint64_t, const float *, uint8_t *);
void encodeBF16(const float *, uint64_t, uint64_t, const float *, uint8_t *);
void encodeQ8_0(const float *, uint64_t, uint64_t, const float *, uint8_t *);
void encodeQ4_0(const float *, uint64_t, uint64_t, const float *, uint8_t *);
void encodeQ4_1(const float *, uint64_t, uint64_t, const float *, uint8_t *);
void encodeQ5_0(const float *, uint64_t, uint64_t, const float *, uint8_t *);
void encodeQ5_1(const float *, uint64_t, uint64_t, const float *, uint8_t *);
void encodeQ2_K(const float *, uint64_t, uint64_t, const float *, uint8_t *);
void encodeQ3_K(const float *, uint64_t, uint64_t, const float *, uint8_t *);
void encodeQ4_K(const float *, uint64_t, uint64_t, const float *, uint8_t *);
void encodeQ5_K(const float *, uint64_t, uint64_t, const float *, uint8_t *);
void encodeQ6_K(const float *, uint64_t, uint64_t, const float *, uint8_t *);
void encodeIQ4_NL(const float *, uint64_t, uint64_t, const float *, uint8_t *);
void encodeIQ4_XS(const float *, uint64_t, uint64_t, const float *, uint8_t *);
void encodeTQ2_0(const float *, uint64_t, uint64_t, const float *, uint8_t *);
void encodeMXFP4(const float *, uint64_t, uint64_t, const float *, uint8_t *);

void halvesToFloats(const uint8_t *in, uint64_t count, float *out);
void bfloatsToFloats(const uint8_t *in, uint64_t count, float *out);
uint64_t firstNotFinite(const float *x, uint64_t count);

} // namespace LLMC_SIMD_LEVEL
#endif

} // namespace llmc::quantize

#endif
