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

// Of feed-forward layers that are mixtures of experts.
struct ExpertParameters {
  int64_t count = 0; // of a layer; 0: there are none
  int64_t used = 0;  // of each token
  int64_t feedForward = 0;
  bool normalize = true; // the weights of a token's experts sum to 1
};

struct ModelParameters {
  int64_t vocabulary, width, layers, heads, kvHeads, feedForward, keyLength, valueLength;
  int64_t contextLength; // positions the model was trained for
  int64_t context;       // positions that the program is for
  float normEps, attentionScale;
  bool layerNorm = false;        // before the output, instead of rms_norm
  bool ropeHalves = false;       // what pairs are rotated, see llm.rope
  bool parallelResidual = false; // feed-forward takes what attention takes, not what it yields
  float embeddingScale = 1;
  float attentionSoftcap = 0, outputSoftcap = 0; // of scores and logits; 0: none
  std::string ropeFactors = "rope_freqs.weight"; // the tensor that divides angles, if there is one
  // Of all layers that are not told apart there is one kind, with table 0.
  std::vector<AttentionKind> attentionKinds{1};
  std::vector<int> kindOfLayer; // empty: all layers are of kind 0
  std::vector<RopeParameters> ropes{1};
  ExpertParameters experts;

  // Makes all layers but the last of each `pattern` ones see `window` positions, the others all:
  // kind 0 is the former, kind 1 the latter.
  void alternateWindow(int64_t window, int64_t pattern);

  // Columns of all heads side by side: of queries, keys, values, and what attention yields.
  int64_t queries() const { return heads * keyLength; }
  int64_t keys() const { return kvHeads * keyLength; }
  int64_t values() const { return kvHeads * valueLength; }
  int64_t attended() const { return heads * valueLength; }
};

// `context`: positions that the program is for; 0: defaultContext().
absl::StatusOr<ModelParameters>
readModelParameters(const ModelBuilder &builder, const Architecture &architecture, int64_t context);

} // namespace llmc

#endif
