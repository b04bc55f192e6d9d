#include "frontends/gguf/file/GgufText.h"

#include <gtest/gtest.h>

namespace llmc::gguf {
namespace {

TEST(GgufText, KeepsPrintableTextAndEscapesTheRest) {
  EXPECT_EQ(printable("token_embd.weight", 80), "token_embd.weight");
  EXPECT_EQ(printable("größe \xe2\x96\x81 \xf0\x9f\x98\x80", 80),
            "größe \xe2\x96\x81 \xf0\x9f\x98\x80");
  EXPECT_EQ(printable("a\nb\tc\"d\\e", 80), "a\\nb\\tc\\\"d\\\\e");
  EXPECT_EQ(printable(absl::string_view("\x1b[31m\0\x7f", 7), 80), "\\x1b[31m\\x00\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"
                      "1m",
                      80),
            "\\xc2\\x9b1m");
}

TEST(GgufText, EscapesBytesThatAreNotUtf8) {
  EXPECT_EQ(printable("\xff\x80", 80), "\\xff\\x80");
  EXPECT_EQ(printable("\xe2\x96", 80), "\\xe2\\x96");                   // cut short
  EXPECT_EQ(printable("\xc0\xaf", 80), "\\xc0\\xaf");                   // longer than needed
  EXPECT_EQ(printable("\xed\xa0\x80", 80), "\\xed\\xa0\\x80");          // a surrogate
  EXPECT_EQ(printable("\xf4\x90\x80\x80", 80), "\\xf4\\x90\\x80\\x80"); // above U+10FFFF
}

TEST(GgufText, CutsLongTextBetweenCharacters) {
  EXPECT_EQ(printable("abcdef", 3), "abc...");
  EXPECT_EQ(printable("abc", 3), "abc");
  EXPECT_EQ(printable("ab\xc3\xb6z", 3), "ab\xc3\xb6...");
  EXPECT_EQ(inQuotes("name"), "'name'");
}

} // namespace
} // namespace llmc::gguf
