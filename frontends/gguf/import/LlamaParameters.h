// The hyperparameters of architecture `llama`, read from GGUF metadata and checked.
#ifndef LLMC_FRONTENDS_GGUF_IMPORT_LLAMAPARAMETERS_H
#define LLMC_FRONTENDS_GGUF_IMPORT_LLAMAPARAMETERS_H

#include "dialects/llm/Formats/RopeFrequencies.h"
#include "frontends/gguf/import/ModelBuilder.h"

namespace llmc {

struct LlamaParameters {
  int64_t vocabulary, width, layers, heads, kvHeads, feedForward, keyLength, valueLength;
  int64_t contextLength, window; // window 0: none
  float normEps, attentionScale;
  RopeParameters rope;
};

absl::StatusOr<LlamaParameters> readLlamaParameters(const ModelBuilder &builder);

} // namespace llmc

#endif
