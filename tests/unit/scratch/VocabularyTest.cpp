// The vocabularies that are made, against SentencePiece's own encoder.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "frontends/lora/config/TrainConfig.h"
#include "frontends/scratch/PieceTrainer.h"
#include "frontends/scratch/VocabularyTrainer.h"
#include "frontends/tokenizer/Tokenizer.h"
#include "runtime/train/Random.h"
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace llmc::scratch {
namespace {

using ::testing::HasSubstr;

std::string verse() {
  std::ifstream in(LLMC_TESTS "/e2e/model/verse.txt");
  EXPECT_TRUE(in);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::vector<std::string> linesOf(const std::string &text) { return absl::StrSplit(text, '\n'); }

lora::ScratchConfig configOf(int64_t size) {
  lora::ScratchConfig config = lora::defaultConfig();
  config.vocabSize = size;
  return config;
}

std::string errorOf(std::vector<std::string> lines, const lora::ScratchConfig &config) {
  auto made = trainVocabulary(std::move(lines), config);
  return made.ok() ? "" : std::string(made.status().message());
}

// Characters of one to four bytes, blanks, and pieces of the text itself.
std::string randomText(Random &random, const std::string &text) {
  std::string out;
  const uint64_t pieces = random.next() % 12;
  for (uint64_t i = 0; i < pieces; ++i)
    switch (random.next() % 6) {
    case 0:
      out += static_cast<char>(random.next() % 128);
      break;
    case 1: {
      constexpr const char *kWide[] = {"\u00e9", "\u20ac", "\U0001F600", "\u2581",
                                       "\u0301", "\u4e2d", "\u00a0",     "\ufeff"};
      out += kWide[random.next() % std::size(kWide)];
      break;
    }
    case 2:
      out.append(random.next() % 9, ' ');
      break;
    case 3:
      out += random.next() % 2 ? "\n" : "\t";
      break;
    default:
      out += text.substr(random.next() % (text.size() - 40), random.next() % 40);
    }
  return out;
}

TEST(Vocabulary, IdsAreThoseOfSentencePiece) {
  const std::string text = verse();
  for (bool splitDigits : {true, false})
    for (double coverage : {0.98, 1.0}) {
      lora::ScratchConfig config = configOf(500);
      config.splitDigits = splitDigits;
      config.characterCoverage = coverage;
      std::vector<std::string> lines = linesOf(text);
      lines.insert(lines.end(), 20, "1600 and 1601, 16001600 times");
      auto made = trainVocabulary(lines, config);
      ASSERT_TRUE(made.ok()) << made.status();
      EXPECT_EQ(made->metadata.tokens.size(), 500u);
      const PieceEncoder theirs(made->sentencePieceModel);
      auto ours = Tokenizer::create(made->metadata);
      ASSERT_TRUE(ours.ok()) << ours.status();

      std::vector<std::string> texts = {"",
                                        " ",
                                        "   ",
                                        "\n",
                                        "a",
                                        " a",
                                        "the  the",
                                        "\n\n  From fairest creatures\t\n",
                                        "1600 16001600 1",
                                        "\u2581\u2581the\u2581",
                                        "\xF0\x9F\x98\x80\xF0\x9F\x98\x80 caf\xC3\xA9",
                                        "<s> </s> <unk> <0x41>",
                                        std::string("a\0b", 3),
                                        text};
      Random random(9);
      for (int i = 0; i < 400; ++i)
        texts.push_back(randomText(random, text));
      for (const std::string &one : texts) {
        const std::vector<int> wanted = theirs.encode(one);
        EXPECT_EQ(wanted.empty(), one.empty());
        auto ids = (*ours)->encode(one);
        ASSERT_TRUE(ids.ok()) << ids.status();
        EXPECT_EQ(*ids, std::vector<int32_t>(wanted.begin(), wanted.end())) << one;
        // U+2581 is what stands for a space.
        EXPECT_EQ((*ours)->decode(*ids), absl::StrReplaceAll(one, {{"\u2581", " "}}));
      }
    }
}

TEST(Vocabulary, HasItsTokensInOrder) {
  auto made = trainVocabulary(linesOf(verse()), configOf(400));
  ASSERT_TRUE(made.ok()) << made.status();
  const TokenizerMetadata &m = made->metadata;
  EXPECT_EQ(m.tokens[0], "<unk>");
  EXPECT_EQ(m.tokenTypes[0], int32_t(TokenType::Unknown));
  EXPECT_EQ(m.tokens[*m.bos], "<s>");
  EXPECT_EQ(m.tokens[*m.eos], "</s>");
  for (int byte = 0; byte < 256; ++byte) {
    EXPECT_EQ(m.tokens[3 + byte], absl::StrFormat("<0x%02X>", byte));
    EXPECT_EQ(m.tokenTypes[3 + byte], int32_t(TokenType::Byte));
  }
  for (size_t i = 259; i < 400; ++i) {
    EXPECT_EQ(m.tokenTypes[i], int32_t(TokenType::Normal)) << i;
    EXPECT_EQ(m.scores[i], -float(i - 259)) << i;
  }
  // The same text gives the same vocabulary.
  EXPECT_EQ(trainVocabulary(linesOf(verse()), configOf(400))->sentencePieceModel,
            made->sentencePieceModel);
}

TEST(Vocabulary, ErrorsSayWhatCanBe) {
  EXPECT_THAT(errorOf(linesOf(verse()), configOf(100000)),
              HasSubstr("scratch.vocab_size: the data has no more than "));
  EXPECT_THAT(errorOf(linesOf(verse()), configOf(270)),
              HasSubstr("tokens, 270 are wanted; give more, or a lower "
                        "scratch.character_coverage"));
  EXPECT_NE(errorOf({}, configOf(300)), "");
  EXPECT_NE(errorOf({"", "", ""}, configOf(300)), "");
  EXPECT_NE(errorOf({"\t\t"}, configOf(300)), "");
  EXPECT_NE(errorOf({"a"}, configOf(300)), "");
}

// Which the library would crash on.
TEST(Vocabulary, LinesMayHaveNoBlanks) {
  for (const char *unit : {"x", "\u4e2d", "ab="}) {
    std::string line;
    while (line.size() < 200000)
      line += unit;
    auto made = trainVocabulary({"love me do", line}, configOf(262));
    EXPECT_TRUE(made.ok()) << made.status();
  }
}

} // namespace
} // namespace llmc::scratch
