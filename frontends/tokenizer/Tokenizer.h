// Text to token ids and back, with the results of llama.cpp.
#ifndef LLMC_FRONTENDS_TOKENIZER_TOKENIZER_H
#define LLMC_FRONTENDS_TOKENIZER_TOKENIZER_H

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "frontends/tokenizer/TokenizerMetadata.h"
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace llmc {

namespace tokenizer {
class SpecialTokenSplitter;
class Vocabulary;
class WordEncoder;
} // namespace tokenizer

struct EncodeOptions {
  bool addSpecial = false;   // BOS in front and EOS behind, where the model has them added
  bool parseSpecial = false; // "<|im_start|>" in the text is that token, not its characters
  bool continues = false;    // the text goes on from another one: no space is put in front
};

struct DecodeOptions {
  bool renderSpecial = false;    // control and unknown tokens appear as their texts
  bool stripSpacePrefix = false; // drop the space that encoding puts in front of a text
};

// Immutable once created; all members may be called from several threads.
class Tokenizer {
public:
  // InvalidArgument for a tokenizer that is not known or whose parts do not fit together; the error
  // names the metadata key.
  static absl::StatusOr<std::unique_ptr<Tokenizer>> create(TokenizerMetadata metadata);
  ~Tokenizer();

  // Time is linear in the text. InvalidArgument, naming the byte offset, for text that is not
  // UTF-8, and for text of 1 GiB or more.
  absl::StatusOr<std::vector<int32_t>> encode(absl::string_view text,
                                              EncodeOptions options = {}) const;

  // The pieces of `tokens`, joined. Bytes that are not UTF-8 and ids outside of the vocabulary do
  // no harm: the former are kept, the latter are dropped.
  std::string decode(std::span<const int32_t> tokens, DecodeOptions options = {}) const;

  // The bytes of one token, which need not be whole characters. Control and unknown tokens are
  // empty unless `renderSpecial`; so is an id outside of the vocabulary.
  std::string piece(int32_t id, bool renderSpecial = false) const;

  int32_t vocabSize() const;
  std::optional<int32_t> bosId() const;
  std::optional<int32_t> eosId() const;
  // Whether encode() with addSpecial adds them.
  bool addsBos() const;
  bool addsEos() const;
  // EOS, end of turn, end of message, and what models are known to say instead of them.
  bool isEndOfGeneration(int32_t id) const;
  // The token with exactly this text as the vocabulary writes it ("<|im_start|>").
  std::optional<int32_t> findToken(absl::string_view text) const;

private:
  explicit Tokenizer(std::unique_ptr<tokenizer::Vocabulary> vocabulary);

  std::unique_ptr<tokenizer::Vocabulary> vocabulary_;
  std::unique_ptr<tokenizer::SpecialTokenSplitter> splitter_;
  std::unique_ptr<tokenizer::WordEncoder> encoder_;
};

} // namespace llmc

#endif
