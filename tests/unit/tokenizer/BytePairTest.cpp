#include "tests/unit/tokenizer/TestVocabularies.h"
#include "gmock/gmock.h"

namespace llmc::testing {
namespace {

using ::testing::ElementsAre;

enum : int32_t {
  h,
  e,
  l,
  o,
  G,
  w,
  exclamation,
  he,
  ll,
  hell,
  hello,
  Gw,
  C3,
  A9,
  C3A9,
  newline,
  lo
};

// "Ġ" is the space, "Ċ" the line end, "Ã" byte C3, "©" byte A9.
TokenizerMetadata letters(const std::string &pre = "gpt-2") {
  return bpeMetadata(pre,
                     {{"h", 0},
                      {"e", 0},
                      {"l", 0},
                      {"o", 0},
                      {"Ġ", 0},
                      {"w", 0},
                      {"!", 0},
                      {"he", 0},
                      {"ll", 0},
                      {"hell", 0},
                      {"hello", 0},
                      {"Ġw", 0},
                      {"Ã", 0},
                      {"©", 0},
                      {"Ã©", 0},
                      {"Ċ", 0},
                      {"lo", 0}},
                     {"h e", "l l", "he ll", "l o", "hell o", "Ġ w", "Ã ©"});
}

TEST(BytePair, MergesByRank) {
  auto tokenizer = create(letters());
  EXPECT_THAT(encode(*tokenizer, "hello"), ElementsAre(hello));
  // "l l" (rank 1) before "l o" (rank 3).
  EXPECT_THAT(encode(*tokenizer, "llo"), ElementsAre(ll, o));
  // The leftmost "l l" of two.
  EXPECT_THAT(encode(*tokenizer, "lllo"), ElementsAre(ll, lo));
  EXPECT_THAT(encode(*tokenizer, "oh"), ElementsAre(o, h));
}

TEST(BytePair, SplitsIntoWordsFirst) {
  auto tokenizer = create(letters());
  EXPECT_THAT(encode(*tokenizer, "he llo"), ElementsAre(he, G, ll, o));
  EXPECT_THAT(encode(*tokenizer, "hello  w!"), ElementsAre(hello, G, Gw, exclamation));
  EXPECT_THAT(encode(*tokenizer, "\n\n"), ElementsAre(newline, newline));
}

TEST(BytePair, WorksOnBytes) {
  auto tokenizer = create(letters());
  EXPECT_THAT(encode(*tokenizer, "é"), ElementsAre(C3A9));
  EXPECT_EQ(tokenizer->piece(C3A9), "é");
  EXPECT_EQ(tokenizer->piece(C3), "\xC3");
  EXPECT_EQ(tokenizer->piece(Gw), " w");
  EXPECT_EQ(tokenizer->decode(encode(*tokenizer, "hello é w\n!")), "hello é w\n!");
}

TEST(BytePair, TakesWholeWordsOnlyWhereMergesAreIgnored) {
  std::vector<Entry> pieces = {{"a", 0}, {"b", 0}, {"ab", 0}, {"aab", 0}};
  std::vector<std::string> merges = {"a a", "a b"};
  TokenizerMetadata metadata = bpeMetadata("qwen2", pieces, merges);
  // "a a" gives "aa", which is not a token and falls apart into bytes again.
  EXPECT_THAT(encode(*create(metadata), "aab"), ElementsAre(0, 0, 1));
  metadata.pre = "llama-bpe";
  metadata.bos = 0;
  EXPECT_THAT(encode(*create(metadata), "aab"), ElementsAre(3));
}

// As llama.cpp does; complete vocabularies have a token for each byte.
TEST(BytePair, DropsBytesThatHaveNoToken) {
  auto tokenizer = create(letters());
  EXPECT_THAT(encode(*tokenizer, "heЖo"), ElementsAre(he, o));
}

TEST(BytePair, AddsBosWhereThePreTokenizerOrTheFileSaysSo) {
  TokenizerMetadata metadata = letters();
  metadata.bos = hello;
  metadata.eos = ll;
  EXPECT_THAT(encode(*create(metadata), "o", {.addSpecial = true}), ElementsAre(o));
  metadata.addBos = metadata.addEos = true;
  EXPECT_THAT(encode(*create(metadata), "o", {.addSpecial = true}), ElementsAre(hello, o, ll));
  metadata = letters("llama-bpe");
  metadata.bos = hello;
  EXPECT_THAT(encode(*create(metadata), "o", {.addSpecial = true}), ElementsAre(hello, o));
}

TEST(BytePair, EscapesSpacesWhereThePreTokenizerSaysSo) {
  TokenizerMetadata metadata = bpeMetadata("",
                                           {{"▁", 0},
                                            {"a", 0},
                                            {"▁a", 0},
                                            {"\n", 0},
                                            {"\n\n", 0},
                                            {"<0xC3>", 0, TokenType::Byte},
                                            {"<0xA9>", 0, TokenType::Byte},
                                            {"<bos>", 0, TokenType::Control}},
                                           {"▁ a"});
  metadata.model = "gemma4";
  metadata.bos = 7;
  auto tokenizer = create(metadata);
  EXPECT_THAT(encode(*tokenizer, "a aé", {.addSpecial = true}), ElementsAre(7, 1, 2, 5, 6));
  EXPECT_THAT(encode(*tokenizer, "a\n\na"), ElementsAre(1, 4, 1));
  EXPECT_EQ(tokenizer->decode(encode(*tokenizer, " a aé\n")), " a aé\n");
}

} // namespace
} // namespace llmc::testing
