// The byte layouts that the 32-weight formats share.
#ifndef LLMC_FRONTENDS_GGUF_QUANTIZE_BLOCKS32_H
#define LLMC_FRONTENDS_GGUF_QUANTIZE_BLOCKS32_H

#include "frontends/gguf/quantize/Lanes.h"

namespace llmc::quantize::LLMC_SIMD_LEVEL {
namespace {

// The low four bits of levels 0-15 and of levels 16-31, as 16 bytes.
inline void storeNibbles(uint8_t *out, Ints low, Ints high) {
  Bytes b = __builtin_convertvector((low & 0xf) | ((high & 0xf) << 4), Bytes);
  std::memcpy(out, &b, sizeof b);
}

// Bit 4 of 32 levels, as one little-endian word.
inline void storeFifthBits(uint8_t *out, Ints low, Ints high) {
  constexpr Ints lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  Ints fifths = (((low >> 4) & 1) << lane) | (((high >> 4) & 1) << (lane + 16));
  int32_t word = orLanes(fifths);
  std::memcpy(out, &word, 4);
}

} // namespace
} // namespace llmc::quantize::LLMC_SIMD_LEVEL

#endif
