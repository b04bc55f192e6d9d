#include "tests/unit/tokenizer/TestVocabularies.h"
#include "gmock/gmock.h"

namespace llmc::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

enum : int32_t { space = firstSpmText, a, b, c, ab, bc, abc, spaceA, spaces, aa };

TokenizerMetadata letters() {
  return spmMetadata({{"▁", -10},
                      {"a", -11},
                      {"b", -12},
                      {"c", -13},
                      {"ab", -2},
                      {"bc", -1},
                      {"abc", -3},
                      {"▁a", -4},
                      {"▁▁", -5},
                      {"aa", -6}});
}

TokenizerMetadata lettersWithoutPrefix() {
  TokenizerMetadata metadata = letters();
  metadata.addSpacePrefix = false;
  return metadata;
}

TEST(SentencePiece, MergesTheBestScoreFirst) {
  auto tokenizer = create(letters());
  // "▁abc": bc (-1) before ab (-2), then a+bc (-3) before ▁+a (-4); "▁abc" is no token.
  EXPECT_THAT(encode(*tokenizer, "abc"), ElementsAre(space, abc));
  // "▁ab": ab (-2) first, then nothing joins ▁.
  EXPECT_THAT(encode(*tokenizer, "ab"), ElementsAre(space, ab));
  // "▁ac": only ▁+a.
  EXPECT_THAT(encode(*tokenizer, "ac"), ElementsAre(spaceA, c));
}

TEST(SentencePiece, MergesTheLeftmostOfEqualScores) {
  auto tokenizer = create(lettersWithoutPrefix());
  EXPECT_THAT(encode(*tokenizer, "aaa"), ElementsAre(aa, a));
  EXPECT_THAT(encode(*tokenizer, "aaab"), ElementsAre(aa, ab)); // ab (-2) before aa (-6)
}

TEST(SentencePiece, EscapesSpacesAndPrependsOne) {
  auto tokenizer = create(letters());
  EXPECT_THAT(encode(*tokenizer, "a a"), ElementsAre(spaceA, spaceA));
  // "▁▁a": ▁+a (-4) before ▁+▁ (-5).
  EXPECT_THAT(encode(*tokenizer, " a"), ElementsAre(space, spaceA));
  EXPECT_THAT(encode(*tokenizer, " "), ElementsAre(spaces));
  EXPECT_THAT(encode(*tokenizer, ""), IsEmpty());
  EXPECT_THAT(encode(*create(lettersWithoutPrefix()), "a a"), ElementsAre(a, spaceA));
}

TEST(SentencePiece, FallsBackToBytes) {
  auto tokenizer = create(lettersWithoutPrefix());
  EXPECT_THAT(encode(*tokenizer, "aéb"),
              ElementsAre(a, firstSpmByte + 0xC3, firstSpmByte + 0xA9, b));
  EXPECT_THAT(encode(*tokenizer, "\n"), ElementsAre(firstSpmByte + '\n'));
  EXPECT_EQ(tokenizer->decode(encode(*tokenizer, "aéb\n")), "aéb\n");
}

TEST(SentencePiece, FallsBackToUnknownWithoutByteTokens) {
  TokenizerMetadata metadata = fromEntries("llama", {{"<unk>", 0, TokenType::Unknown},
                                                     {"<s>", 0, TokenType::Control},
                                                     {"</s>", 0, TokenType::Control},
                                                     {"▁", -1},
                                                     {"a", -2}});
  EXPECT_THAT(encode(*create(metadata), "aé"), ElementsAre(3, 4, 0, 0));
}

TEST(SentencePiece, AddsBosByDefaultAndEosOnRequest) {
  auto tokenizer = create(letters());
  EXPECT_TRUE(tokenizer->addsBos());
  EXPECT_FALSE(tokenizer->addsEos());
  EXPECT_EQ(tokenizer->bosId(), 1);
  EXPECT_EQ(tokenizer->eosId(), 2);
  EXPECT_THAT(encode(*tokenizer, "ac", {.addSpecial = true}), ElementsAre(1, spaceA, c));
  EXPECT_THAT(encode(*tokenizer, "", {.addSpecial = true}), ElementsAre(1));

  TokenizerMetadata metadata = letters();
  metadata.addBos = false;
  metadata.addEos = true;
  EXPECT_THAT(encode(*create(metadata), "ac", {.addSpecial = true}), ElementsAre(spaceA, c, 2));
}

TEST(SentencePiece, DecodesWithAndWithoutTheSpacePrefix) {
  auto tokenizer = create(letters());
  std::vector<int32_t> tokens = encode(*tokenizer, "ab  c", {.addSpecial = true});
  EXPECT_EQ(tokenizer->decode(tokens), " ab  c");
  EXPECT_EQ(tokenizer->decode(tokens, {.stripSpacePrefix = true}), "ab  c");
  EXPECT_EQ(tokenizer->decode(tokens, {.renderSpecial = true}), "<s> ab  c");
  std::vector<int32_t> outside = {-1, a, 100000};
  EXPECT_EQ(tokenizer->decode(outside), "a");
}

// Words that repeat and words that are not split by white space take other paths.
TEST(SentencePiece, GivesTheSameTokensForRepeatedWords) {
  auto tokenizer = create(lettersWithoutPrefix());
  std::vector<int32_t> once = encode(*tokenizer, "abcéaab ");
  std::string text;
  std::vector<int32_t> expected;
  for (int i = 0; i < 100; ++i) {
    text += "abcéaab ";
    expected.insert(expected.end(), once.begin(), once.end());
  }
  // "▁a" joins a word's first letter to the space in front of it only where "ab" has not taken it.
  EXPECT_EQ(encode(*tokenizer, text), expected);
}

} // namespace
} // namespace llmc::testing
