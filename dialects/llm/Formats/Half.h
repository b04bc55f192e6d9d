// IEEE half and bfloat16 conversions on plain integers, for code that runs on any CPU.
#ifndef LLMC_DIALECTS_LLM_FORMATS_HALF_H
#define LLMC_DIALECTS_LLM_FORMATS_HALF_H

#include <bit>
#include <cstdint>

namespace llmc {

inline float halfToFloat(uint16_t h) { return static_cast<float>(std::bit_cast<_Float16>(h)); }
inline uint16_t floatToHalf(float f) { return std::bit_cast<uint16_t>(static_cast<_Float16>(f)); }

} // namespace llmc

#endif
