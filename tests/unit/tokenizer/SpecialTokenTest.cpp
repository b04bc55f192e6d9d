#include "tests/unit/tokenizer/TestVocabularies.h"
#include "gmock/gmock.h"

namespace llmc::testing {
namespace {

using ::testing::ElementsAre;

enum : int32_t { space = firstSpmText, a, spaceA, tool, toolCall, end, hidden, less };

TokenizerMetadata conversation() {
  return spmMetadata({{"▁", -1},
                      {"a", -2},
                      {"▁a", -3},
                      {"<tool>", 0, TokenType::UserDefined},
                      {"<tool><call>", 0, TokenType::UserDefined},
                      {"<|im_end|>", 0, TokenType::Control},
                      {"<|x|>", 0, TokenType::Control},
                      {"<", -4}});
}

TEST(SpecialTokens, UserDefinedTokensAreAlwaysFound) {
  auto tokenizer = create(conversation());
  // The text behind a special token gets a space in front again.
  EXPECT_THAT(encode(*tokenizer, "a<tool>a"), ElementsAre(spaceA, tool, spaceA));
  EXPECT_THAT(encode(*tokenizer, "<tool><tool>"), ElementsAre(tool, tool));
}

TEST(SpecialTokens, TheLongerOneWins) {
  auto tokenizer = create(conversation());
  EXPECT_THAT(encode(*tokenizer, "<tool><tool><call>a"), ElementsAre(tool, toolCall, spaceA));
}

TEST(SpecialTokens, ControlTokensAreTextUnlessParsed) {
  auto tokenizer = create(conversation());
  EXPECT_THAT(encode(*tokenizer, "a<|x|>a", {.parseSpecial = true}),
              ElementsAre(spaceA, hidden, spaceA));
  EXPECT_THAT(encode(*tokenizer, "a</s><unk>", {.parseSpecial = true}), ElementsAre(spaceA, 2, 0));
  EXPECT_THAT(encode(*tokenizer, "<|x|>"),
              ElementsAre(space, less, firstSpmByte + '|', firstSpmByte + 'x', firstSpmByte + '|',
                          firstSpmByte + '>'));
}

TEST(SpecialTokens, PiecesOfControlTokensAreEmptyUnlessAskedFor) {
  auto tokenizer = create(conversation());
  EXPECT_EQ(tokenizer->piece(hidden), "");
  EXPECT_EQ(tokenizer->piece(hidden, true), "<|x|>");
  EXPECT_EQ(tokenizer->piece(0), "");
  EXPECT_EQ(tokenizer->piece(tool), "<tool>");
  EXPECT_EQ(tokenizer->piece(firstSpmByte + 'A'), "A");
  EXPECT_EQ(tokenizer->piece(-1), "");
  EXPECT_EQ(tokenizer->piece(tokenizer->vocabSize()), "");
}

TEST(SpecialTokens, GenerationEndsAtTokensKnownByIdOrText) {
  TokenizerMetadata metadata = conversation();
  metadata.eot = hidden;
  auto tokenizer = create(metadata);
  EXPECT_TRUE(tokenizer->isEndOfGeneration(2)); // </s>, the default EOS
  EXPECT_TRUE(tokenizer->isEndOfGeneration(end));
  EXPECT_TRUE(tokenizer->isEndOfGeneration(hidden));
  EXPECT_FALSE(tokenizer->isEndOfGeneration(1));
  EXPECT_FALSE(tokenizer->isEndOfGeneration(tool));
  EXPECT_FALSE(tokenizer->isEndOfGeneration(-1));
  EXPECT_FALSE(create(conversation())->isEndOfGeneration(hidden));
  EXPECT_EQ(tokenizer->findToken("<|im_end|>"), end);
  EXPECT_EQ(tokenizer->findToken("<|nothing|>"), std::nullopt);
}

TEST(SpecialTokens, AMessageEndIsNoGenerationEndInHarmonysFormat) {
  TokenizerMetadata metadata = spmMetadata({{"▁", -1},
                                            {"<|end|>", 0, TokenType::Control},
                                            {"<|return|>", 0, TokenType::Control},
                                            {"<|call|>", 0, TokenType::Control},
                                            {"<|channel|>", 0, TokenType::Control}});
  auto tokenizer = create(metadata);
  EXPECT_FALSE(tokenizer->isEndOfGeneration(firstSpmText + 1));
  EXPECT_TRUE(tokenizer->isEndOfGeneration(firstSpmText + 2));
  EXPECT_TRUE(tokenizer->isEndOfGeneration(firstSpmText + 3));
  EXPECT_EQ(tokenizer->piece(firstSpmText + 4), "<|channel|>");
}

TEST(SpecialTokens, TextsThatLookLikeControlTokensAreHiddenWhateverTheirType) {
  TokenizerMetadata metadata = spmMetadata({{"▁", -1}, {"<|endoftext|>", 0}});
  auto tokenizer = create(metadata);
  EXPECT_EQ(tokenizer->piece(firstSpmText + 1), "");
  EXPECT_TRUE(tokenizer->isEndOfGeneration(firstSpmText + 1));
}

TEST(SpecialTokens, SwallowWhiteSpaceBehindThemInPhi3) {
  TokenizerMetadata metadata = conversation();
  EXPECT_THAT(encode(*create(metadata), "a<tool> \n a"),
              ElementsAre(spaceA, tool, space, space, firstSpmByte + '\n', spaceA));
  metadata.modelName = "Phi-3-mini";
  EXPECT_THAT(encode(*create(metadata), "a<tool> \n a"), ElementsAre(spaceA, tool, spaceA));
  // <s> is exempt.
  EXPECT_THAT(encode(*create(metadata), "<s> a", {.parseSpecial = true}),
              ElementsAre(1, space, spaceA));
}

TEST(SpecialTokens, UserDefinedTokensOfByteLevelVocabulariesMatchRawText) {
  TokenizerMetadata metadata = bpeMetadata("gpt-2",
                                           {{"a", 0},
                                            {"Ġ", 0},
                                            {"   ", 0, TokenType::UserDefined},
                                            {"  ", 0, TokenType::UserDefined},
                                            {"Ġa", 0}},
                                           {"Ġ a"});
  auto tokenizer = create(metadata);
  EXPECT_THAT(encode(*tokenizer, "a     a"), ElementsAre(0, 2, 3, 0));
  EXPECT_THAT(encode(*tokenizer, "a a"), ElementsAre(0, 4));
  EXPECT_THAT(encode(*tokenizer, "a    a"), ElementsAre(0, 2, 4));
  EXPECT_EQ(tokenizer->piece(2), "   ");
}

} // namespace
} // namespace llmc::testing
