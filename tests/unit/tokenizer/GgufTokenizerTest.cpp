#include "frontends/tokenizer/GgufTokenizer.h"
#include "frontends/gguf/file/GgufWriter.h"
#include "tests/unit/tokenizer/TestVocabularies.h"
#include "gmock/gmock.h"

namespace llmc::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::shared_ptr<gguf::GgufFile> openModel(const std::string &name) {
  auto file = gguf::GgufFile::open(std::string(LLMC_TEST_MODELS "/") + name);
  EXPECT_TRUE(file.ok()) << file.status();
  return file.ok() ? *file : nullptr;
}

// Expected ids: the official llama.cpp release of node-llama-cpp 3 (model.tokenize(text, false),
// and with true where special tokens are parsed).
TEST(GgufTokenizer, ReadsTheShakespeareModel) {
  auto file = openModel("shakespeare-f16.gguf");
  ASSERT_NE(file, nullptr);
  auto loaded = loadTokenizer(*file);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const Tokenizer &tokenizer = **loaded;
  EXPECT_EQ(tokenizer.vocabSize(), 2048);
  EXPECT_TRUE(tokenizer.addsBos());
  EXPECT_EQ(tokenizer.bosId(), 1);
  EXPECT_TRUE(tokenizer.isEndOfGeneration(2));
  EXPECT_THAT(encode(tokenizer, "ROMEO:\nWhat light?"),
              ElementsAre(833, 2012, 13, 468, 1268, 2032));
  EXPECT_THAT(encode(tokenizer, "  two  spaces\n\n\ttab"),
              ElementsAre(1989, 1116, 1989, 411, 1993, 1034, 13, 13, 12, 1991, 898));
  EXPECT_THAT(encode(tokenizer, "naïve café 漢字 😀"),
              ElementsAre(1997, 1993, 198, 178, 296, 280, 1993, 2006, 198, 172, 1989, 233, 191, 165,
                          232, 176, 154, 1989, 243, 162, 155, 131));
  EXPECT_THAT(encode(tokenizer, "<s>Hi</s> there<unk>"),
              ElementsAre(63, 1995, 65, 2029, 1998, 63, 50, 1995, 65, 502, 63, 618, 2016, 65));
  EXPECT_THAT(encode(tokenizer, "<s>Hi</s> there<unk>", {.parseSpecial = true}),
              ElementsAre(1, 2029, 1998, 2, 502, 0));
  EXPECT_THAT(encode(tokenizer, "To be, or not to be: that is the question"),
              ElementsAre(398, 307, 2004, 527, 323, 289, 307, 2012, 325, 328, 270, 552, 379, 399));
}

class WrittenFile : public ::testing::Test {
protected:
  // Writes a file with the keys of `fill` and reads its tokenizer.
  template <class Fill>
  absl::StatusOr<std::unique_ptr<Tokenizer>> load(Fill fill) {
    std::string path = ::testing::TempDir() + "/llmc_tokenizer_" +
                       ::testing::UnitTest::GetInstance()->current_test_info()->name() + ".gguf";
    auto writer = gguf::GgufWriter::create(path);
    EXPECT_TRUE(writer.ok()) << writer.status();
    fill(**writer);
    EXPECT_TRUE((*writer)->finish().ok());
    auto file = gguf::GgufFile::open(path);
    std::remove(path.c_str());
    if (!file.ok())
      return file.status();
    return loadTokenizer(**file);
  }

  static void fillLetters(gguf::GgufWriter &writer) {
    EXPECT_TRUE(writer.set("tokenizer.ggml.model", "gpt2").ok());
    EXPECT_TRUE(writer.set("tokenizer.ggml.pre", "qwen2").ok());
    EXPECT_TRUE(writer
                    .setArray("tokenizer.ggml.tokens",
                              std::vector<std::string>{"a", "b", "ab", "<|x|>", "<|y|>", "<PRE>"})
                    .ok());
    EXPECT_TRUE(
        writer.setArray("tokenizer.ggml.token_type", std::vector<int32_t>{1, 1, 1, 3, 3, 1}).ok());
    EXPECT_TRUE(writer.setArray("tokenizer.ggml.merges", std::vector<std::string>{"a b"}).ok());
  }
};

TEST_F(WrittenFile, KeysArriveInTheTokenizer) {
  auto tokenizer = load([](gguf::GgufWriter &writer) {
    fillLetters(writer);
    EXPECT_TRUE(writer.set<uint32_t>("tokenizer.ggml.bos_token_id", 3).ok());
    EXPECT_TRUE(writer.set<uint32_t>("tokenizer.ggml.eos_token_id", 4).ok());
    EXPECT_TRUE(writer.set<uint32_t>("tokenizer.ggml.padding_token_id", 0xFFFFFFFF).ok());
    EXPECT_TRUE(writer.set<uint32_t>("tokenizer.ggml.eot_token_id", 2).ok());
    EXPECT_TRUE(writer.set("tokenizer.ggml.add_bos_token", true).ok());
    EXPECT_TRUE(writer.set("tokenizer.ggml.add_eos_token", true).ok());
  });
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  EXPECT_THAT(encode(**tokenizer, "ab", {.addSpecial = true}), ElementsAre(3, 2, 4));
  EXPECT_TRUE((*tokenizer)->isEndOfGeneration(2));
  EXPECT_EQ((*tokenizer)->piece(5), ""); // known by its text
}

TEST_F(WrittenFile, ErrorsNameTheFileAndTheKey) {
  auto missing = load([](gguf::GgufWriter &writer) {
    EXPECT_TRUE(writer.set("general.architecture", "llama").ok());
  });
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.status().message()),
              AllOf(HasSubstr(".gguf"), HasSubstr("tokenizer.ggml.model")));

  auto wrongType = load([](gguf::GgufWriter &writer) {
    fillLetters(writer);
    EXPECT_TRUE(writer.set<uint32_t>("tokenizer.ggml.tokens", 1).ok());
  });
  EXPECT_THAT(std::string(wrongType.status().message()),
              AllOf(HasSubstr(".gguf"), HasSubstr("tokenizer.ggml.tokens")));

  auto unknown = load([](gguf::GgufWriter &writer) {
    fillLetters(writer);
    EXPECT_TRUE(writer.set("tokenizer.ggml.pre", "nobody").ok());
  });
  EXPECT_THAT(std::string(unknown.status().message()),
              AllOf(HasSubstr(".gguf"), HasSubstr("'nobody'")));
}

} // namespace
} // namespace llmc::testing
