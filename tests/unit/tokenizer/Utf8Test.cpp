#include "frontends/tokenizer/Utf8.h"
#include "tests/unit/tokenizer/TestVocabularies.h"
#include "gmock/gmock.h"

namespace llmc::testing {
namespace {

using ::testing::HasSubstr;
constexpr size_t none = absl::string_view::npos;

TEST(Utf8, AcceptsWellFormedText) {
  EXPECT_EQ(tokenizer::findInvalidUtf8(""), none);
  EXPECT_EQ(tokenizer::findInvalidUtf8("plain text that is longer than a word"), none);
  EXPECT_EQ(tokenizer::findInvalidUtf8("\xC2\x80 \xDF\xBF \xE0\xA0\x80 \xED\x9F\xBF \xEE\x80\x80"),
            none);
  EXPECT_EQ(tokenizer::findInvalidUtf8("\xF0\x90\x80\x80 \xF4\x8F\xBF\xBF"), none);
  EXPECT_EQ(tokenizer::findInvalidUtf8(absl::string_view("\0", 1)), none);
}

TEST(Utf8, FindsTheFirstBadByte) {
  EXPECT_EQ(tokenizer::findInvalidUtf8("\x80"), 0u);                     // continuation alone
  EXPECT_EQ(tokenizer::findInvalidUtf8("0123456789\xFF"), 10u);          // never a lead
  EXPECT_EQ(tokenizer::findInvalidUtf8("a\xC0\xAF"), 1u);                // overlong
  EXPECT_EQ(tokenizer::findInvalidUtf8("a\xE0\x9F\xBF"), 1u);            // overlong
  EXPECT_EQ(tokenizer::findInvalidUtf8("a\xF0\x8F\xBF\xBF"), 1u);        // overlong
  EXPECT_EQ(tokenizer::findInvalidUtf8("a\xED\xA0\x80"), 1u);            // surrogate
  EXPECT_EQ(tokenizer::findInvalidUtf8("a\xF4\x90\x80\x80"), 1u);        // above U+10FFFF
  EXPECT_EQ(tokenizer::findInvalidUtf8("ab\xE2\x82"), 2u);               // cut off
  EXPECT_EQ(tokenizer::findInvalidUtf8("\xE2\x82\xAC\xE2\x28\xA1"), 3u); // no continuation
}

TEST(Utf8, EncodeNamesTheOffset) {
  auto tokenizer = create(spmMetadata({{"▁", -1}}));
  auto result = tokenizer->encode("abc\xFFz");
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(result.status().message()), HasSubstr("0xFF at offset 3"));
}

TEST(ByteAlphabet, IsGpt2s) {
  EXPECT_EQ(tokenizer::byteCharacter('A'), "A");
  EXPECT_EQ(tokenizer::byteCharacter(' '), "Ġ");
  EXPECT_EQ(tokenizer::byteCharacter('\n'), "Ċ");
  EXPECT_EQ(tokenizer::byteCharacter(0x00), "Ā");
  EXPECT_EQ(tokenizer::byteCharacter(0x7F), "ġ");
  EXPECT_EQ(tokenizer::byteCharacter(0xA0), "ł");
  EXPECT_EQ(tokenizer::byteCharacter(0xA1), "¡");
  EXPECT_EQ(tokenizer::byteCharacter(0xAD), "Ń");
  EXPECT_EQ(tokenizer::byteCharacter(0xFF), "ÿ");
}

TEST(ByteAlphabet, GoesThereAndBack) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte)
    all.push_back(static_cast<char>(byte));
  EXPECT_EQ(tokenizer::fromByteCharacters(tokenizer::toByteCharacters(all)), all);
  EXPECT_EQ(tokenizer::fromByteCharacters("日Ġ"), "日 "); // no byte's character: kept
  EXPECT_EQ(tokenizer::fromByteCharacters("\xC4"), "\xC4");
}

TEST(ByteTokens, AreHexadecimal) {
  EXPECT_EQ(tokenizer::parseByteToken("<0x0A>"), 10);
  EXPECT_EQ(tokenizer::parseByteToken("<0xfF>"), 255);
  EXPECT_EQ(tokenizer::parseByteToken("<0xG0>"), std::nullopt);
  EXPECT_EQ(tokenizer::parseByteToken("<0x0>"), std::nullopt);
  EXPECT_EQ(tokenizer::parseByteToken(""), std::nullopt);
  EXPECT_EQ(tokenizer::byteTokenText(0xAB), "<0xAB>");
}

} // namespace
} // namespace llmc::testing
