#include "compiler/Artifact/ProgramText.h"
#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace llmc {
namespace {

using ::testing::HasSubstr;

std::string errorOf(const std::string &text) {
  const absl::Status status = checkProgramText(text);
  return status.ok() ? "no error" : std::string(status.message());
}

std::string repeat(const std::string &text, int count) {
  std::string out;
  for (int i = 0; i < count; ++i)
    out += text;
  return out;
}

TEST(ProgramText, TakesPrograms) {
  EXPECT_EQ(errorOf(""), "no error");
  EXPECT_EQ(errorOf("module {\n  func.func @f(%0: tensor<?x4xf32>) -> index { return } // )]}\n}"),
            "no error");
  EXPECT_EQ(errorOf(repeat("f() -> tensor<4xf32>\n", 1000)), "no error");
  EXPECT_EQ(errorOf(absl::StrCat("\"", repeat("(", 1000), "\\\"", repeat("[", 1000), "\"")),
            "no error");
  EXPECT_EQ(errorOf(repeat("(", 32)), "no error");
}

TEST(ProgramText, RefusesDeepNesting) {
  for (const char *open : {"(", "[", "{", "tuple<", "(]", "tuple< // >\n", "< \">\"", "<->", "(<"})
    EXPECT_THAT(errorOf("\n" + repeat(open, 40)), HasSubstr("nested too deep")) << open;
  EXPECT_THAT(errorOf("\n\n" + repeat("(", 33)), HasSubstr("line 3: "));
}

TEST(ProgramText, RefusesAffineExpressions) {
  EXPECT_THAT(errorOf("module {\n affine_map<() -> (- - - 1)>"), HasSubstr("line 2: "));
  EXPECT_EQ(errorOf("\"affine_map\""), "no error");
}

TEST(ProgramText, RefusesMoreThanPrograms) {
  EXPECT_THAT(errorOf(std::string((16 << 20) + 1, ' ')), HasSubstr("16777217 bytes"));
  EXPECT_EQ(errorOf("\""), "no error");
  EXPECT_EQ(errorOf("\"\\"), "no error");
  EXPECT_EQ(errorOf("//"), "no error");
}

} // namespace
} // namespace llmc
