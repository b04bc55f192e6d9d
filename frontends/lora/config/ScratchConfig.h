// The section `scratch` of a config: a model that is made and trained from its first weights on.
#ifndef LLMC_FRONTENDS_LORA_CONFIG_SCRATCHCONFIG_H
#define LLMC_FRONTENDS_LORA_CONFIG_SCRATCHCONFIG_H

#include <cstdint>
#include <string>

namespace llmc::lora {

// Keys, ranges and defaults are in the table of ConfigKeys.cpp, as those of TrainConfig.
struct ScratchConfig {
  std::string architecture, modelName;
  std::string tokenizerFile; // a GGUF with the vocabulary; empty: one is made
  int64_t vocabSize;         // 0: of tokenizerFile, else kDefaultVocabulary
  double characterCoverage;
  bool splitDigits;
  int64_t hiddenSize, hiddenLayers, attentionHeads;
  int64_t keyValueHeads;    // 0: attentionHeads
  int64_t headSize;         // 0: hiddenSize / attentionHeads
  int64_t intermediateSize; // 0: 8/3 of hiddenSize, rounded up
  int64_t contextLength;    // 0: max_seq_length
  double ropeTheta, newNormEps, initializerRange;
  bool tieWordEmbeddings;
  std::string outputType; // "f32", "f16", "bf16"
};

constexpr int64_t kDefaultVocabulary = 2048;

} // namespace llmc::lora

#endif
