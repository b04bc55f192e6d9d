#include "frontends/scratch/ScratchModel.h"
#include "absl/strings/match.h"
#include "frontends/gguf/file/GgufFile.h"
#include "frontends/tokenizer/GgufTokenizer.h"
#include "tests/unit/gguf/TempFolder.h"
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace llmc::scratch {
namespace {

using gguf::testing::TempFolder;
using ::testing::HasSubstr;

class ScratchModel : public ::testing::Test {
protected:
  ScratchModel() {
    config.data = LLMC_TESTS "/e2e/model/verse.txt";
    config.vocabSize = 400;
    config.hiddenSize = 32;
    config.hiddenLayers = 1;
    config.attentionHeads = 2;
    config.maxSeqLength = 16;
  }
  absl::Status make() { return makeInitialModel(config, folder.path("out/deeper")).status(); }
  std::string file() const { return initialModelPath(folder.path("out/deeper")); }
  std::string error() { return std::string(make().message()); }

  TempFolder folder;
  lora::TrainConfig config = lora::defaultConfig();
};

TEST_F(ScratchModel, ComesWithItsTokenizer) {
  auto made = makeInitialModel(config, folder.path("out/deeper"));
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_TRUE(made->isNew);
  EXPECT_EQ(made->path, file());
  EXPECT_EQ(made->vocabulary, 400);
  EXPECT_FALSE(makeInitialModel(config, folder.path("out/deeper"))->isNew);
  auto gguf = gguf::GgufFile::open(file());
  ASSERT_TRUE(gguf.ok()) << gguf.status();
  auto tokenizer = loadTokenizer(**gguf);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  EXPECT_EQ((*tokenizer)->vocabSize(), 400);
  EXPECT_EQ((*tokenizer)->bosId(), 1);
  EXPECT_EQ((*tokenizer)->eosId(), 2);
  EXPECT_TRUE((*tokenizer)->addsBos());
  EXPECT_FALSE((*tokenizer)->addsEos());
  EXPECT_FALSE((*gguf)->contains("tokenizer.chat_template"));
  EXPECT_EQ((*tokenizer)->decode(*(*tokenizer)->encode(" the\n the")), " the\n the");
}

TEST_F(ScratchModel, IsMadeOnceForADescription) {
  ASSERT_TRUE(make().ok());
  const auto written = std::filesystem::last_write_time(file());
  ASSERT_TRUE(make().ok());
  EXPECT_EQ(std::filesystem::last_write_time(file()), written);
  config.maxSteps = 99; // has no part in it
  ASSERT_TRUE(make().ok());
  EXPECT_EQ(std::filesystem::last_write_time(file()), written);
  config.seed = 2;
  ASSERT_TRUE(make().ok());
  const auto again = std::filesystem::last_write_time(file());
  EXPECT_NE(again, written);
  config.data = folder.path("short.txt");
  folder.write("short.txt", std::vector<uint8_t>(2000, 'x'));
  EXPECT_THAT(error(), HasSubstr("scratch.vocab_size: the data has no more than"));
  EXPECT_EQ(std::filesystem::last_write_time(file()), again) << "an error leaves what was there";
}

TEST_F(ScratchModel, TakesAnothersTokenizer) {
  config.tokenizerFile = LLMC_TESTS "/models/shakespeare-Q2_K.gguf";
  config.vocabSize = 0;
  ASSERT_TRUE(make().ok()) << make();
  auto ours = gguf::GgufFile::open(file()), theirs = gguf::GgufFile::open(config.tokenizerFile);
  ASSERT_TRUE(ours.ok() && theirs.ok());
  EXPECT_EQ((*ours)->findTensor("token_embd.weight")->shape[1], 2048u);
  for (const gguf::KeyValue &record : (*theirs)->keyValues())
    if (absl::StartsWith(record.key, "tokenizer.")) {
      const gguf::KeyValue *copy = (*ours)->find(record.key);
      ASSERT_TRUE(copy) << record.key;
      EXPECT_TRUE(std::ranges::equal(copy->record, record.record)) << record.key;
    }
  EXPECT_FALSE((*ours)->get<std::string>("llmc.scratch")->find("shakespeare") != std::string::npos)
      << "a path of this machine";
  config.vocabSize = 2000;
  EXPECT_THAT(error(), HasSubstr("scratch.vocab_size: " + config.tokenizerFile +
                                 " has 2048 tokens, not 2000; remove vocab_size"));
}

TEST_F(ScratchModel, VocabulariesOfJsonlAreOfItsTexts) {
  std::string lines;
  for (int i = 0; i < 50; ++i)
    lines += R"({"prompt": "quixotic\nzebra", "completion": " quixotic"})"
             "\n";
  folder.write("data.jsonl", {lines.begin(), lines.end()});
  config.data = folder.path("data.jsonl");
  config.vocabSize = 280;
  ASSERT_TRUE(make().ok()) << make();
  auto tokenizer = loadTokenizer(**gguf::GgufFile::open(file()));
  EXPECT_EQ((*tokenizer)->encode("quixotic")->size(), 1u);
  EXPECT_FALSE((*tokenizer)->findToken("prompt"));
}

TEST_F(ScratchModel, ErrorsNameWhatIsWrong) {
  config.attentionHeads = 3;
  EXPECT_THAT(error(), HasSubstr("scratch.num_attention_heads: 3 does not divide hidden_size 32"));
  config.attentionHeads = 2;
  config.data = folder.path("none.txt");
  EXPECT_THAT(error(), HasSubstr("none.txt"));
  config.tokenizerFile = folder.path("none.gguf");
  EXPECT_THAT(error(), HasSubstr("scratch.tokenizer: "));
  config.tokenizerFile.clear();
  folder.write("bytes.txt", {'a', 0xff, 0xfe});
  config.data = folder.path("bytes.txt");
  EXPECT_THAT(error(), HasSubstr("bytes.txt:1: not UTF-8 at byte 1"));
  EXPECT_FALSE(std::filesystem::exists(folder.path("out")));
}

} // namespace
} // namespace llmc::scratch
