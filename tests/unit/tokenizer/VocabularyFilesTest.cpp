// Real vocabularies with llama.cpp's own test cases: in the directory that LLMC_VOCABS names, each
// NAME.gguf.inp holds texts and NAME.gguf.out the ids of each (without BOS, nothing parsed).
#include "absl/strings/str_split.h"
#include "frontends/tokenizer/GgufTokenizer.h"
#include "frontends/tokenizer/PreTokenizer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace llmc::testing {
namespace {

namespace fs = std::filesystem;

std::string readAll(const fs::path &path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

struct Case {
  std::string text;
  std::vector<int32_t> ids;
};

std::vector<Case> readCases(const std::string &gguf) {
  std::vector<std::string> texts =
      absl::StrSplit(readAll(gguf + ".inp"), "\n__ggml_vocab_test__\n");
  std::ifstream ids(gguf + ".out");
  std::vector<Case> cases;
  std::string line;
  // What follows the last separator is not a case.
  for (size_t i = 0; i < texts.size() && std::getline(ids, line); ++i) {
    std::istringstream words(line);
    Case &out = cases.emplace_back(Case{texts[i], {}});
    for (int32_t id; words >> id;)
      out.ids.push_back(id);
  }
  return cases;
}

// The names NAME.gguf for which there are cases.
std::vector<std::string> casesIn(const char *directory) {
  std::vector<std::string> names;
  for (const fs::directory_entry &entry : fs::directory_iterator(directory))
    if (entry.path().extension() == ".inp")
      names.push_back(entry.path().parent_path() / entry.path().stem());
  return names;
}

TEST(VocabularyFiles, GiveTheirIdsAndTheTextBack) {
  const char *directory = std::getenv("LLMC_VOCABS");
  if (!directory)
    GTEST_SKIP() << "LLMC_VOCABS is not set";
  size_t vocabularies = 0;
  for (const std::string &name : casesIn(directory)) {
    if (!fs::exists(name))
      continue;
    SCOPED_TRACE(name);
    auto file = gguf::GgufFile::open(name);
    ASSERT_TRUE(file.ok()) << file.status();
    auto tokenizer = loadTokenizer(**file);
    if ((*file)->get<std::string>("tokenizer.ggml.model").value() == "bert") {
      EXPECT_THAT(tokenizer.status().ToString(), ::testing::HasSubstr("'bert'"));
      continue;
    }
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
    ++vocabularies;
    std::vector<Case> cases = readCases(name);
    EXPECT_GT(cases.size(), 10u);
    for (const Case &testCase : cases) {
      auto ids = (*tokenizer)->encode(testCase.text);
      ASSERT_TRUE(ids.ok()) << ids.status();
      EXPECT_EQ(*ids, testCase.ids) << '"' << testCase.text << '"';
      EXPECT_EQ((*tokenizer)->decode(*ids, {.stripSpacePrefix = true}), testCase.text);
    }
  }
  EXPECT_GT(vocabularies, 0u);
}

// Where only the cases are there, no word can be finer than the tokens.
TEST(VocabularyFiles, WordsAreNoMoreThanTokens) {
  const char *directory = std::getenv("LLMC_VOCABS");
  if (!directory)
    GTEST_SKIP() << "LLMC_VOCABS is not set";
  for (const std::string &name : casesIn(directory)) {
    constexpr absl::string_view prefix = "ggml-vocab-";
    std::string stem = fs::path(name).stem();
    if (fs::exists(name) || stem.size() <= prefix.size())
      continue;
    SCOPED_TRACE(name);
    const auto *spec = tokenizer::findPreTokenizer(stem.substr(prefix.size()));
    ASSERT_NE(spec, nullptr);
    auto preTokenizer = tokenizer::PreTokenizer::create(*spec);
    ASSERT_TRUE(preTokenizer.ok()) << preTokenizer.status();
    for (const Case &testCase : readCases(name)) {
      auto words = (*preTokenizer)->split(testCase.text);
      ASSERT_TRUE(words.ok()) << words.status();
      EXPECT_LE(words->size(), testCase.ids.size()) << '"' << testCase.text << '"';
    }
  }
}

} // namespace
} // namespace llmc::testing
