// SentencePiece's BPE: neighbours merge when their joined text is a token, the best score first.
#ifndef LLMC_FRONTENDS_TOKENIZER_SENTENCEPIECEENCODER_H
#define LLMC_FRONTENDS_TOKENIZER_SENTENCEPIECEENCODER_H

#include "absl/container/flat_hash_set.h"
#include "frontends/tokenizer/Vocabulary.h"
#include "frontends/tokenizer/WordEncoder.h"
#include <array>
#include <bitset>

namespace llmc::tokenizer {

class SentencePieceEncoder final : public WordEncoder {
public:
  // `vocabulary` must outlive the encoder.
  explicit SentencePieceEncoder(const Vocabulary &vocabulary);

  // Never fails: what is no token becomes bytes, and without byte tokens the unknown token.
  absl::Status encode(absl::string_view text, EncodeState &state,
                      std::vector<int32_t> &out) const override;

private:
  void encodeWord(absl::string_view word, MergeQueue &queue, std::vector<int32_t> &out) const;
  // Whether some token holds these two characters side by side.
  bool joins(absl::string_view left, absl::string_view right) const;

  const Vocabulary &vocabulary_;
  std::vector<int32_t> ranks_; // by token: 0 for the best score
  std::array<int32_t, 256> byteTokens_;
  absl::flat_hash_set<uint64_t> neighbours_;
  std::bitset<65536> neighbourBytes_; // a filter in front of neighbours_
};

} // namespace llmc::tokenizer

#endif
