#include "frontends/eval/ExactMatch.h"
#include <gtest/gtest.h>

namespace llmc::eval {
namespace {

TEST(ExactMatch, WhiteSpaceAroundDoesNotCount) {
  EXPECT_TRUE(isExactMatch(" Paris.\n", "Paris."));
  EXPECT_TRUE(isExactMatch("Paris.", " Paris. "));
  EXPECT_FALSE(isExactMatch("Paris", "Paris."));
  EXPECT_FALSE(isExactMatch("paris.", "Paris."));
  EXPECT_FALSE(isExactMatch("", "Paris."));
  EXPECT_FALSE(isExactMatch("a  b", "a b"));
}

TEST(ExactMatch, AsManyLinesCountAsTheCompletionHas) {
  EXPECT_TRUE(isExactMatch("\n42\nand more", "42"));
  EXPECT_FALSE(isExactMatch("42 and more", "42"));
  EXPECT_TRUE(isExactMatch("a\nb\nc", " a\nb\n"));
  EXPECT_FALSE(isExactMatch("a\nc\nc", "a\nb\n"));
  EXPECT_FALSE(isExactMatch("a", "a\nb"));
}

TEST(ExactMatch, EndsWithTheLines) {
  EXPECT_FALSE(hasAllLines("42", "42"));
  EXPECT_FALSE(hasAllLines("\n\n", "42"));
  EXPECT_TRUE(hasAllLines("\n4\n", "42"));
  EXPECT_FALSE(hasAllLines("a\nb", "a\nb\n"));
  EXPECT_TRUE(hasAllLines("a\nb\n", "a\nb"));
}

} // namespace
} // namespace llmc::eval
