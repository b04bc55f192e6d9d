// Scalar decoding of rows of blocks, from the formats' word programs.
#ifndef LLMC_DIALECTS_LLM_FORMATS_BLOCKCODEC_H
#define LLMC_DIALECTS_LLM_FORMATS_BLOCKCODEC_H

#include "dialects/llm/Formats/BlockFormats.h"
#include <cstdint>

namespace llmc {

// Decodes `columns` weights (a multiple of format.weights) of one row in GGUF's layout.
void decodeRow(const BlockFormat &format, const uint8_t *row, uint64_t columns, float *weights);

} // namespace llmc

#endif
