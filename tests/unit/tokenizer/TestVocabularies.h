// Small vocabularies whose tokenization can be worked out by hand.
#ifndef LLMC_TESTS_UNIT_TOKENIZER_TESTVOCABULARIES_H
#define LLMC_TESTS_UNIT_TOKENIZER_TESTVOCABULARIES_H

#include "frontends/tokenizer/Tokenizer.h"
#include "gtest/gtest.h"
#include <cstdio>
#include <string>
#include <vector>

namespace llmc::testing {

struct Entry {
  std::string text;
  float score;
  TokenType type = TokenType::Normal;
};

inline TokenizerMetadata fromEntries(const std::string &model, const std::vector<Entry> &entries) {
  TokenizerMetadata metadata;
  metadata.model = model;
  for (const Entry &entry : entries) {
    metadata.tokens.push_back(entry.text);
    metadata.scores.push_back(entry.score);
    metadata.tokenTypes.push_back(static_cast<int32_t>(entry.type));
  }
  return metadata;
}

inline constexpr int32_t firstSpmByte = 3;   // the token of byte 0x00
inline constexpr int32_t firstSpmText = 259; // the first entry of `more`

// <unk>, <s>, </s>, the 256 bytes, then `more`.
inline TokenizerMetadata spmMetadata(const std::vector<Entry> &more) {
  std::vector<Entry> entries = {{"<unk>", 0, TokenType::Unknown},
                                {"<s>", 0, TokenType::Control},
                                {"</s>", 0, TokenType::Control}};
  for (int byte = 0; byte < 256; ++byte) {
    char text[8];
    std::snprintf(text, sizeof(text), "<0x%02X>", byte);
    entries.push_back({text, 0, TokenType::Byte});
  }
  entries.insert(entries.end(), more.begin(), more.end());
  return fromEntries("llama", entries);
}

// A byte-level vocabulary with one token for each of `pieces`, in order.
inline TokenizerMetadata bpeMetadata(const std::string &pre, const std::vector<Entry> &pieces,
                                     const std::vector<std::string> &merges) {
  TokenizerMetadata metadata = fromEntries("gpt2", pieces);
  metadata.pre = pre;
  metadata.merges = merges;
  return metadata;
}

inline std::unique_ptr<Tokenizer> create(TokenizerMetadata metadata) {
  auto result = Tokenizer::create(std::move(metadata));
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? *std::move(result) : nullptr;
}

inline std::vector<int32_t> encode(const Tokenizer &tokenizer, absl::string_view text,
                                   EncodeOptions options = {}) {
  auto result = tokenizer.encode(text, options);
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? *result : std::vector<int32_t>{-1};
}

} // namespace llmc::testing

#endif
