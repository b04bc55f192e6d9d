// Encoding rows of floats to block formats.
//
// Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, IQ4_NL, IQ4_XS, TQ2_0 and MXFP4 give the bytes of ggml's reference
// encoders, with an importance vector and without. The K formats search further than ggml's and
// lose less. All CPU levels give the same bytes.
#ifndef LLMC_FRONTENDS_GGUF_QUANTIZE_ROWENCODERS_H
#define LLMC_FRONTENDS_GGUF_QUANTIZE_ROWENCODERS_H

#include "dialects/llm/Formats/BlockFormats.h"
#include "frontends/gguf/quantize/LevelEncoders.h"
#include <cstdint>
#include <span>

namespace llmc::quantize {

// The encoders as compiled for one kind of CPU.
struct CpuLevel {
  const char *name;
  const LevelTable *table;
};

// Those that this CPU can run, the best one last.
std::span<const CpuLevel> cpuLevels();

// Encodes `rows` rows of `columns` finite weights from `x` to rows * format.rowBytes(columns)
// bytes. `columns` is a multiple of format.weights. `importance` is how much the squared error of
// each column counts: `columns` finite numbers >= 0, or nullptr when all count the same; formats of
// 8 and more bits, TQ2_0 and MXFP4 ignore it.
void encodeRows(const BlockFormat &format, const float *x, uint64_t rows, uint64_t columns,
                const float *importance, uint8_t *out);

// Whether all of a row's steps are finite: a weight beyond the range of a half makes one that is
// not.
bool stepsAreFinite(const BlockFormat &format, const uint8_t *blocks, uint64_t count);

// The inverse of encodeRows, faster than decodeRow() for 16-bit floats.
void decodeRows(const BlockFormat &format, const uint8_t *rows, uint64_t weights, float *out);

// The index of the first number that is NaN or infinite; `count` when there is none.
uint64_t firstNotFinite(const float *x, uint64_t count);

} // namespace llmc::quantize

#endif
