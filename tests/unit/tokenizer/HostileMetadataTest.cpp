#include "tests/unit/tokenizer/TestVocabularies.h"
#include "gmock/gmock.h"
#include <cmath>

namespace llmc::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string createError(TokenizerMetadata metadata) {
  auto result = Tokenizer::create(std::move(metadata));
  if (result.ok())
    return "created";
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(result.status().message());
}

TokenizerMetadata small() { return fromEntries("llama", {{"<unk>", 0}, {"<s>", 0}, {"</s>", 0}}); }

TEST(HostileMetadata, UnknownModelsAreNamed) {
  TokenizerMetadata metadata = small();
  metadata.model = "bert";
  EXPECT_THAT(createError(metadata),
              AllOf(HasSubstr("tokenizer.ggml.model"), HasSubstr("'bert'"), HasSubstr("llama")));
}

TEST(HostileMetadata, UnknownPreTokenizersAreNamed) {
  TokenizerMetadata metadata = bpeMetadata("no\x01such", {{"a", 0}}, {"a a"});
  EXPECT_THAT(createError(metadata), AllOf(HasSubstr("tokenizer.ggml.pre"),
                                           HasSubstr("'no\\001such'"), HasSubstr("qwen2")));
}

TEST(HostileMetadata, AMissingPreTokenizerIsTheDefaultOne) {
  TokenizerMetadata metadata = bpeMetadata("", {{"a", 0}, {"+", 0}, {"a+", 0}}, {"a +", "+ +"});
  EXPECT_EQ(encode(*create(metadata), "a+a"), (std::vector<int32_t>{0, 1, 0}));
}

TEST(HostileMetadata, CountsMustFit) {
  EXPECT_THAT(createError(fromEntries("llama", {})), HasSubstr("tokenizer.ggml.tokens"));
  TokenizerMetadata metadata = small();
  metadata.scores.pop_back();
  EXPECT_THAT(createError(metadata), HasSubstr("tokenizer.ggml.scores: 2 scores for 3 tokens"));
  metadata = small();
  metadata.tokenTypes.pop_back();
  EXPECT_THAT(createError(metadata), HasSubstr("tokenizer.ggml.token_type: 2 types for 3 tokens"));
}

TEST(HostileMetadata, TextsMustBeUnique) {
  TokenizerMetadata metadata = small();
  metadata.tokens[2] = "<unk>";
  EXPECT_THAT(createError(metadata), HasSubstr("'<unk>' is token 0 and token 2"));
}

TEST(HostileMetadata, IdsMustBeInTheVocabulary) {
  TokenizerMetadata metadata = small();
  metadata.bos = 3;
  EXPECT_THAT(createError(metadata), HasSubstr("bos_token_id: id 3"));
  metadata.bos = -1;
  EXPECT_THAT(createError(metadata), HasSubstr("bos_token_id: id -1"));
  metadata.bos.reset();
  metadata.eot = 1 << 30; // roles that only end a generation are not worth refusing a model
  EXPECT_NE(create(metadata), nullptr);
}

TEST(HostileMetadata, AddedTokensMustExist) {
  TokenizerMetadata metadata = bpeMetadata("gpt-2", {{"a", 0}}, {"a a"});
  metadata.addBos = true;
  EXPECT_THAT(createError(metadata), HasSubstr("add_bos_token is true"));
  metadata.addBos = false;
  metadata.addEos = true;
  EXPECT_THAT(createError(metadata), HasSubstr("add_eos_token is true"));
}

TEST(HostileMetadata, ByteLevelBpeNeedsMerges) {
  EXPECT_THAT(createError(bpeMetadata("gpt-2", {{"a", 0}}, {})),
              HasSubstr("tokenizer.ggml.merges"));
}

TEST(HostileMetadata, MalformedMergesAreSkipped) {
  TokenizerMetadata metadata = bpeMetadata("gpt-2", {{"a", 0}, {"b", 0}, {"ab", 0}},
                                           {"", " ", "a", "a ", " a", "a  b", "a b"});
  EXPECT_EQ(encode(*create(metadata), "ab"), (std::vector<int32_t>{2}));
}

TEST(HostileMetadata, OddScoresAndTypesDoNoHarm) {
  TokenizerMetadata metadata = spmMetadata(
      {{"▁", NAN}, {"a", INFINITY}, {"b", -INFINITY}, {"ab", NAN}, {"ba", -INFINITY}, {"", 0}});
  metadata.tokenTypes[5] = 12345;
  metadata.tokenTypes[firstSpmText + 1] = static_cast<int32_t>(TokenType::Byte); // "a", no "<0x..>"
  auto tokenizer = create(metadata);
  EXPECT_EQ(tokenizer->decode(encode(*tokenizer, "abab")), " abab");
  EXPECT_EQ(tokenizer->piece(firstSpmText + 5, true), "[EMPTY_264]");
}

TEST(HostileMetadata, TokensThatAreNotUtf8DoNoHarm) {
  TokenizerMetadata metadata = spmMetadata({{"▁", -1}, {"\xE2", -1}, {"\xFF\xFE\xF0", -1}});
  auto tokenizer = create(metadata);
  EXPECT_EQ(tokenizer->decode(encode(*tokenizer, "\xE2\x82\xAC")), " \xE2\x82\xAC");
  EXPECT_EQ(tokenizer->piece(firstSpmText + 2), "\xFF\xFE\xF0");
}

} // namespace
} // namespace llmc::testing
