// Texts on which a careless tokenizer is quadratic or runs out of stack. At these sizes quadratic
// time is hours, so finishing is the check.
#include "absl/strings/str_split.h"
#include "frontends/tokenizer/PreTokenizer.h"
#include "tests/unit/tokenizer/TestVocabularies.h"
#include <set>

namespace llmc::testing {
namespace {

constexpr size_t megabyte = size_t{1} << 20;

std::string repeat(absl::string_view unit, size_t bytes) {
  std::string text;
  while (text.size() < bytes)
    text.append(unit.data(), unit.size());
  return text;
}

std::vector<std::string> longTexts() {
  return {
      repeat("a", megabyte),       repeat("A", megabyte),
      repeat("1", megabyte),       repeat(" ", megabyte),
      repeat(" ", megabyte) + "a", repeat(" ", megabyte) + "漢" + repeat(" ", megabyte) + "。",
      repeat("\n", megabyte),      repeat(" \n", megabyte),
      repeat("!", megabyte),       repeat("漢", megabyte),
      repeat("e\u0301", megabyte), repeat("\u0301", megabyte),
      repeat("a b ", megabyte),    repeat("'l", megabyte),
  };
}

TEST(LongTexts, EveryPreTokenizerSplitsThem) {
  std::set<const void *> seen; // many names share their passes
  std::vector<std::string> names = absl::StrSplit(tokenizer::preTokenizerNames(), ", ");
  for (const std::string &name : names) {
    const tokenizer::PreTokenizerSpec *spec = tokenizer::findPreTokenizer(name);
    if (!seen.insert(spec->passes.data()).second)
      continue;
    auto preTokenizer = tokenizer::PreTokenizer::create(*spec);
    ASSERT_TRUE(preTokenizer.ok()) << preTokenizer.status();
    for (const std::string &text : longTexts()) {
      auto ends = (*preTokenizer)->split(text);
      ASSERT_TRUE(ends.ok()) << name << ": " << ends.status();
      EXPECT_EQ(ends->back(), text.size());
    }
  }
}

// Tokens of 1, 2, 4, ... 64 letters: a megabyte merges completely.
TEST(LongTexts, BytePair) {
  std::vector<Entry> pieces = {{"Ġ", 0}, {"a", 0}};
  std::vector<std::string> merges;
  for (std::string text = "a"; text.size() < 64; text += text) {
    merges.push_back(text + " " + text);
    pieces.push_back({text + text, 0});
  }
  auto tokenizer = create(bpeMetadata("gpt-2", pieces, merges));
  EXPECT_EQ(encode(*tokenizer, repeat("a", megabyte)).size(), megabyte / 64);
  EXPECT_EQ(encode(*tokenizer, repeat(" ", megabyte)).size(), megabyte);
}

TEST(LongTexts, SentencePiece) {
  std::vector<Entry> more = {{"▁", -1}, {"a", -1}};
  float score = -1;
  for (std::string text = "a"; text.size() < 64; text += text)
    more.push_back({text + text, --score});
  more.push_back({"▁▁", -9});
  TokenizerMetadata metadata = spmMetadata(more);
  metadata.addSpacePrefix = false;
  auto tokenizer = create(metadata);
  EXPECT_EQ(encode(*tokenizer, repeat("a", megabyte)).size(), megabyte / 64);
  EXPECT_EQ(encode(*tokenizer, repeat(" ", megabyte)).size(), megabyte / 2);
  EXPECT_EQ(encode(*tokenizer, repeat("é", megabyte)).size(), megabyte);
}

// Runs of white space as user-defined tokens, as GPT-NeoX has them.
TEST(LongTexts, ManySpecialTokens) {
  std::vector<Entry> pieces = {{"a", 0}, {"Ġ", 0}};
  for (size_t length = 2; length <= 24; ++length)
    pieces.push_back({std::string(length, ' '), 0, TokenType::UserDefined});
  auto tokenizer = create(bpeMetadata("gpt-2", pieces, {"Ġ a"}));
  size_t bytes = 24 * 40000;
  EXPECT_EQ(encode(*tokenizer, repeat(" ", bytes)).size(), bytes / 24);
}

} // namespace
} // namespace llmc::testing
