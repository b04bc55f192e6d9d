// BPE with a list of merges: the pre-tokenizer's words merge by the merges' order.
#ifndef LLMC_FRONTENDS_TOKENIZER_BYTEPAIRENCODER_H
#define LLMC_FRONTENDS_TOKENIZER_BYTEPAIRENCODER_H

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "frontends/tokenizer/PreTokenizer.h"
#include "frontends/tokenizer/Vocabulary.h"
#include "frontends/tokenizer/WordEncoder.h"
#include <array>
#include <deque>

namespace llmc::tokenizer {

class BytePairEncoder final : public WordEncoder {
public:
  // `vocabulary` must outlive the encoder. InvalidArgument when there are no merges.
  static absl::StatusOr<std::unique_ptr<BytePairEncoder>>
  create(const Vocabulary &vocabulary, const std::vector<std::string> &merges);

  absl::Status encode(absl::string_view text, EncodeState &state,
                      std::vector<int32_t> &out) const override;

private:
  explicit BytePairEncoder(const Vocabulary &vocabulary) : vocabulary_(vocabulary) {}
  void readMerges(const std::vector<std::string> &merges);
  void encodeWord(absl::string_view word, MergeQueue &queue, std::vector<int32_t> &out) const;
  void appendSymbols(absl::string_view word, MergeQueue &queue) const;
  void appendBytes(absl::string_view bytes, std::vector<int32_t> &out) const;

  // A symbol's id is its token, or beyond the vocabulary for a text that only occurs in merges.
  int32_t findSymbol(absl::string_view text) const;
  int32_t addSymbol(absl::string_view text);

  const Vocabulary &vocabulary_;
  std::unique_ptr<PreTokenizer> preTokenizer_;
  std::deque<std::string> extraTexts_;
  absl::flat_hash_map<absl::string_view, int32_t> extraSymbols_; // views of extraTexts_
  absl::flat_hash_map<uint64_t, Merge> merges_;                  // by the two symbols
  std::array<int32_t, 256> byteSymbols_;
};

} // namespace llmc::tokenizer

#endif
