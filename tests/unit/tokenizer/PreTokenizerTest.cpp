#include "frontends/tokenizer/PreTokenizer.h"
#include "absl/strings/str_split.h"
#include "frontends/tokenizer/UnicodePatterns.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace llmc::tokenizer {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> split(absl::string_view name, absl::string_view text) {
  const PreTokenizerSpec *spec = findPreTokenizer(name);
  if (!spec)
    return {"no such pre-tokenizer"};
  auto preTokenizer = PreTokenizer::create(*spec);
  EXPECT_TRUE(preTokenizer.ok()) << preTokenizer.status();
  auto ends = (*preTokenizer)->split(text);
  EXPECT_TRUE(ends.ok()) << ends.status();
  std::vector<std::string> words;
  uint32_t begin = 0;
  for (uint32_t end : *ends) {
    words.emplace_back(text.substr(begin, end - begin));
    begin = end;
  }
  return words;
}

TEST(PreTokenizer, Gpt2) {
  EXPECT_THAT(split("gpt-2", "Hello world's  12345!?\n\n a"),
              ElementsAre("Hello", " world", "'s", " ", " 12345", "!?", "\n\n", " a"));
  EXPECT_THAT(split("gpt-2", "'S it'll"), ElementsAre("'", "S", " it", "'ll"));
  EXPECT_THAT(split("gpt-2", "a  "), ElementsAre("a", "  "));
}

TEST(PreTokenizer, Llama3) {
  EXPECT_THAT(split("llama-bpe", "it'S 12345 a\n\n b..\n"),
              ElementsAre("it", "'S", " ", "123", "45", " a", "\n\n", " b", "..\n"));
  EXPECT_THAT(split("llama-bpe", "\tx (y)"), ElementsAre("\tx", " (", "y", ")"));
}

TEST(PreTokenizer, Qwen2SplitsDigits) {
  EXPECT_THAT(split("qwen2", "a 12"), ElementsAre("a", " ", "1", "2"));
  EXPECT_THAT(split("qwen35", "ze\u0301ro"), ElementsAre("ze\u0301ro"));
  EXPECT_THAT(split("qwen2", "ze\u0301ro"), ElementsAre("ze", "\u0301ro"));
}

TEST(PreTokenizer, Falcon) {
  EXPECT_THAT(split("falcon", "a,b 12345`"), ElementsAre("a", ",", "b", " ", "123", "45", "`"));
}

TEST(PreTokenizer, Default) {
  EXPECT_THAT(split("default", "a+b 12"), ElementsAre("a", "+", "b", " ", "12"));
  EXPECT_THAT(split("", "a+b 12"), ElementsAre("a", "+", "b", " ", "12"));
}

TEST(PreTokenizer, Starcoder) {
  EXPECT_THAT(split("starcoder", "x 12"), ElementsAre("x", " ", "1", "2"));
}

TEST(PreTokenizer, Deepseek) {
  EXPECT_THAT(split("deepseek-llm", "ab 漢字12\nc  "),
              ElementsAre("ab", " ", "漢字", "12", "\n", "c", "  "));
  EXPECT_THAT(split("deepseek-coder", "ab 12,\n"), ElementsAre("ab", " ", "1", "2", ",", "\n"));
  EXPECT_THAT(split("deepseek-v3", "a.bc 1234 ~~漢字x"),
              ElementsAre("a", ".bc", " ", "123", "4", " ~~", "漢字", "x"));
}

TEST(PreTokenizer, CasedWords) {
  EXPECT_THAT(split("tekken", "camelCaseABCdef"), ElementsAre("camel", "Case", "ABCdef"));
  EXPECT_THAT(split("tekken", "ABC 12"), ElementsAre("ABC", " ", "1", "2"));
  EXPECT_THAT(split("gpt-4o", "don'T XYZ'll 1234"),
              ElementsAre("don'T", " XYZ'll", " ", "123", "4"));
  // Letters beyond ASCII count as capital and as small.
  EXPECT_THAT(split("tekken", "aÉB"), ElementsAre("aÉ", "B"));
}

TEST(PreTokenizer, DigitsFromTheRight) {
  EXPECT_THAT(split("tiny_aya", "1234567"), ElementsAre("1", "234", "567"));
  EXPECT_THAT(split("superbpe", "ab 12345 c"), ElementsAre("ab ", "12", "345", " c"));
  EXPECT_THAT(split("superbpe", "12"), ElementsAre("12"));
  EXPECT_THAT(split("superbpe", "123456"), ElementsAre("123", "456"));
  EXPECT_THAT(split("afmoe", "a 1234"), ElementsAre("a", " ", "1", "234"));
}

TEST(PreTokenizer, WholeLinesAndWholeTexts) {
  EXPECT_THAT(split("gemma4", "a b\n\nc"), ElementsAre("a b", "\n\n", "c"));
  EXPECT_THAT(split("bloom", "Hi, you (there)!"),
              ElementsAre("Hi", ",", " you", " (", "there", ")!"));
}

TEST(PreTokenizer, WhiteSpaceRunsOfJais2) {
  EXPECT_THAT(split("jais-2", "a     b"), ElementsAre("a", "    ", " b"));
  EXPECT_THAT(split("jais-2", "a!\n  \nb"), ElementsAre("a", "!\n", "  \n", "b"));
}

// PCRE2's \s has U+180E, Unicode's White_Space does not.
TEST(PreTokenizer, WhiteSpaceIsUnicodes) {
  EXPECT_THAT(split("gpt-2", "a\u180E\u180Eb"), ElementsAre("a", "\u180E\u180E", "b"));
  EXPECT_THAT(split("gpt-2", "a\u3000\u3000b"), ElementsAre("a", "\u3000", "\u3000", "b"));
  EXPECT_THAT(split("gpt-2", "a\u0085\u0085!"), ElementsAre("a", "\u0085", "\u0085", "!"));
  EXPECT_EQ(expandUnicodeClasses(R"(\s[^\s\\]\S)"),
            R"([\t-\r\x{85}\p{Z}][^\t-\r\x{85}\p{Z}\\][^\t-\r\x{85}\p{Z}])");
}

// U+31350 is a letter since Unicode 15, U+1F6DC a symbol, U+11F50 a digit.
TEST(PreTokenizer, KnowsTheCharactersOfUnicode15) {
  EXPECT_THAT(split("gpt-2", "a\U00031350b!\U0001F6DC"),
              ElementsAre("a\U00031350b", "!\U0001F6DC"));
  EXPECT_THAT(split("gpt-2", "a\U00011F50"), ElementsAre("a", "\U00011F50"));
}

TEST(PreTokenizer, UnknownNames) {
  EXPECT_EQ(findPreTokenizer("llama-9"), nullptr);
  EXPECT_EQ(findPreTokenizer("llama"), nullptr);
}

// Every expression of the table compiles, and its words put together are the text.
TEST(PreTokenizer, EveryNameSplitsWithoutLoss) {
  const std::string text = "Hello, wOrld's\t12345  a1b22\r\n\n x\u0301 \u3000漢字かな한국어 ไทย "
                           "¿~€😀! <sentinel:1>IMGIMGABZ  \n  end  ";
  std::vector<std::string> names = absl::StrSplit(preTokenizerNames(), ", ");
  EXPECT_GT(names.size(), 80u);
  for (const std::string &name : names) {
    std::string joined;
    for (const std::string &word : split(name, text)) {
      EXPECT_FALSE(word.empty()) << name;
      joined += word;
    }
    EXPECT_EQ(joined, text) << name;
  }
}

} // namespace
} // namespace llmc::tokenizer
