// Making a vocabulary from a text.
#ifndef LLMC_FRONTENDS_SCRATCH_VOCABULARYTRAINER_H
#define LLMC_FRONTENDS_SCRATCH_VOCABULARYTRAINER_H

#include "absl/status/statusor.h"
#include "frontends/lora/config/ScratchConfig.h"
#include "frontends/tokenizer/TokenizerMetadata.h"
#include <string>
#include <vector>

namespace llmc::scratch {

struct TrainedVocabulary {
  TokenizerMetadata metadata;
  // SentencePiece's own file (a .model), whose encoder gives the ids that Tokenizer gives with
  // `metadata`.
  std::string sentencePieceModel;
};

// SentencePiece's byte-pair encoding, trained by its library: <unk>, <s>, </s>, a token for each
// byte, then the merges, the best first, and the single characters. Texts are taken as they are:
// nothing is normalized, no space is put in front of them; no token goes over spaces or lines.
// `lines` are texts without newlines. The result depends on nothing else. Errors name the key of
// the config and what it can be.
absl::StatusOr<TrainedVocabulary> trainVocabulary(std::vector<std::string> lines,
                                                  const lora::ScratchConfig &config);

} // namespace llmc::scratch

#endif
