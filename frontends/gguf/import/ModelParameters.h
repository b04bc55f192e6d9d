// The hyperparameters of a model, read from GGUF metadata and checked.
#ifndef LLMC_FRONTENDS_GGUF_IMPORT_MODELPARAMETERS_H
#define LLMC_FRONTENDS_GGUF_IMPORT_MODELPARAMETERS_H

#include "dialects/llm/Formats/RopeFrequencies.h"
#include "frontends/gguf/import/ModelBuilder.h"

namespace llmc {

struct Architecture;

// What layers of one kind have in common in their attention.
struct AttentionKind {
  int64_t window = 0; // positions that a token sees; 0: all
  size_t rope = 0;    // number of the rotary table
};

struct ModelParameters {
  int64_t vocabulary, width, layers, heads, kvHeads, feedForward, keyLength, valueLength;
  int64_t contextLength;
  float normEps, attentionScale;
  // Of all layers that are not told apart there is one kind, with table 0.
  std::vector<AttentionKind> attentionKinds{1};
  std::vector<int> kindOfLayer; // empty: all layers are of kind 0
  std::vector<RopeParameters> ropes{1};

  // Columns of all heads side by side: of queries, keys, values, and what attention yields.
  int64_t queries() const { return heads * keyLength; }
  int64_t keys() const { return kvHeads * keyLength; }
  int64_t values() const { return kvHeads * valueLength; }
  int64_t attended() const { return heads * valueLength; }
};

absl::StatusOr<ModelParameters> readModelParameters(const ModelBuilder &builder,
                                                    const Architecture &architecture);

} // namespace llmc

#endif
