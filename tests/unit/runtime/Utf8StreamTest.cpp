#include "runtime/text/Utf8Stream.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace llmc {
namespace {

const std::string kBad = "\uFFFD";

std::string whole(const std::string &bytes) {
  Utf8Stream stream;
  std::string text = stream.push(bytes);
  return text + stream.finish();
}

TEST(Utf8Stream, WaitsForTheRestOfACharacter) {
  Utf8Stream stream;
  EXPECT_EQ(stream.push("a\xC3"), "a");
  EXPECT_EQ(stream.push("\xA9"), "é");
  EXPECT_EQ(stream.push("\xF0"), "");
  EXPECT_EQ(stream.push("\x9F\x99"), "");
  EXPECT_EQ(stream.push(""), "");
  EXPECT_EQ(stream.push("\x82z"), "🙂z");
  EXPECT_EQ(stream.finish(), "");
}

TEST(Utf8Stream, KeepsZeroBytes) {
  const std::string text("a\0b", 3);
  EXPECT_EQ(whole(text), text);
}

TEST(Utf8Stream, FinishReplacesAnUnfinishedCharacterAndStartsOver) {
  Utf8Stream stream;
  EXPECT_EQ(stream.push("x\xE2\x82"), "x");
  EXPECT_EQ(stream.finish(), kBad);
  EXPECT_EQ(stream.finish(), "");
  EXPECT_EQ(stream.push("\xAC"), kBad) << "the euro sign's last byte alone";
}

// The table of maximal subparts of the Unicode standard (chapter 3, U+FFFD substitution) and its
// neighbours.
TEST(Utf8Stream, ReplacesEachMaximalSubpartOnce) {
  EXPECT_EQ(whole("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"),
            kBad + kBad + kBad + kBad + kBad + kBad + kBad + kBad + "A");
  EXPECT_EQ(whole("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41"),
            kBad + kBad + kBad + kBad + kBad + kBad + kBad + kBad + "A");
  EXPECT_EQ(whole("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42"),
            kBad + kBad + kBad + kBad + kBad + "A" + kBad + kBad + "B");
  EXPECT_EQ(whole("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"), kBad + kBad + kBad + kBad + "A");
}

TEST(Utf8Stream, AcceptsTheBordersOfEachLength) {
  for (const char *text : {"\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF",
                           "\xEE\x80\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"})
    EXPECT_EQ(whole(text), text);
  for (const char *text : {"\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF",
                           "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFE"})
    EXPECT_EQ(whole(text).substr(0, 3), kBad);
}

TEST(Utf8Stream, CutsDoNotMatter) {
  const std::string bytes = "aé€🙂\xE2\x82\xF0\x9F\x99 \xC3(\xED\xA0\x80ö\xF4\x8F\xBF";
  const std::string wanted = whole(bytes);
  for (size_t i = 0; i <= bytes.size(); ++i)
    for (size_t j = i; j <= bytes.size(); ++j) {
      Utf8Stream stream;
      std::string text = stream.push(bytes.substr(0, i));
      text += stream.push(bytes.substr(i, j - i));
      text += stream.push(bytes.substr(j));
      ASSERT_EQ(text + stream.finish(), wanted) << i << ' ' << j;
    }
}

} // namespace
} // namespace llmc
