// Q4_0, Q4_1, Q5_0 and Q5_1 with an importance vector.
#ifndef LLMC_FRONTENDS_GGUF_QUANTIZE_WEIGHTEDENCODERS_H
#define LLMC_FRONTENDS_GGUF_QUANTIZE_WEIGHTEDENCODERS_H

#include <cstdint>

namespace llmc::quantize::LLMC_SIMD_LEVEL {

void encodeWeightedQ4_0(const float *, uint64_t, uint64_t, const float *, uint8_t *);
void encodeWeightedQ4_1(const float *, uint64_t, uint64_t, const float *, uint8_t *);
void encodeWeightedQ5_0(const float *, uint64_t, uint64_t, const float *, uint8_t *);
void encodeWeightedQ5_1(const float *, uint64_t, uint64_t, const float *, uint8_t *);

} // namespace llmc::quantize::LLMC_SIMD_LEVEL

#endif
