// The tokens of a model: their texts, types and special roles.
#ifndef LLMC_FRONTENDS_TOKENIZER_VOCABULARY_H
#define LLMC_FRONTENDS_TOKENIZER_VOCABULARY_H

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "frontends/tokenizer/PreTokenizerTable.h"
#include "frontends/tokenizer/TokenizerMetadata.h"
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace llmc::tokenizer {

// What a token is; a text may make a token Control beside the type that its file gives it.
enum TokenAttribute : uint16_t {
  attributeUnknown = 1 << 0,
  attributeUnused = 1 << 1,
  attributeNormal = 1 << 2,
  attributeControl = 1 << 3,
  attributeUserDefined = 1 << 4,
  attributeByte = 1 << 5,
  attributeStripRight = 1 << 6, // swallows the white space behind it
  attributeStripLeft = 1 << 7,  // swallows the white space in front of it
};

class Vocabulary {
public:
  enum class Kind { SentencePiece, BytePair };

  // Takes tokens, scores, types and roles out of `metadata`; leaves its merges alone. Errors:
  // InvalidArgument for a model or pre-tokenizer that is not known and for content that does not
  // fit together, naming the token or the key.
  static absl::StatusOr<std::unique_ptr<Vocabulary>> create(TokenizerMetadata &metadata);

  Kind kind() const { return kind_; }
  // Of a BytePair vocabulary.
  const PreTokenizerSpec &preTokenizer() const { return *preTokenizer_; }

  int32_t size() const { return static_cast<int32_t>(texts_.size()); }
  bool contains(int32_t id) const { return id >= 0 && id < size(); }
  // The id of the token with this text, or -1.
  int32_t find(absl::string_view text) const {
    auto found = ids_.find(text);
    return found == ids_.end() ? -1 : found->second;
  }
  // Below: `id` must be in the vocabulary.
  absl::string_view text(int32_t id) const { return texts_[id]; }
  bool has(int32_t id, int attributes) const { return (attributes_[id] & attributes) != 0; }
  float score(int32_t id) const { return scores_.empty() ? 0.0f : scores_[id]; }
  size_t longestText() const { return longestText_; }

  // -1 where there is none; a SentencePiece vocabulary always has an unknown token.
  int32_t bos() const { return bos_; }
  int32_t eos() const { return eos_; }
  int32_t unknown() const { return unknown_; }
  bool addBos() const { return addBos_; }
  bool addEos() const { return addEos_; }
  bool addSpacePrefix() const { return addSpacePrefix_; }
  bool isEndOfGeneration(int32_t id) const { return endOfGeneration_.contains(id); }

  // Control, user-defined and unknown tokens, the longest text first, then by id.
  const std::vector<int32_t> &specialTokens() const { return specialTokens_; }

  // The bytes that a token stands for, whatever its type.
  std::string bytes(int32_t id) const;

private:
  Vocabulary() = default;
  absl::Status readTokens(TokenizerMetadata &metadata);
  absl::Status readRoles(const TokenizerMetadata &metadata);
  void findRolesByText(const TokenizerMetadata &metadata);
  void applyModelQuirks(const TokenizerMetadata &metadata);

  Kind kind_ = Kind::SentencePiece;
  const PreTokenizerSpec *preTokenizer_ = nullptr;
  std::vector<std::string> texts_;
  std::vector<uint16_t> attributes_;
  std::vector<float> scores_;
  absl::flat_hash_map<absl::string_view, int32_t> ids_; // views of texts_
  size_t longestText_ = 0;

  int32_t bos_ = -1, eos_ = -1, unknown_ = -1;
  bool addBos_ = false, addEos_ = false, addSpacePrefix_ = false;
  absl::flat_hash_set<int32_t> endOfGeneration_;
  std::vector<int32_t> specialTokens_;
};

} // namespace llmc::tokenizer

#endif
