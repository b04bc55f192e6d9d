#include "frontends/chat/ChatTemplate.h"
#include "frontends/chat/BuiltinTemplates.h"
#include "frontends/gguf/file/GgufWriter.h"
#include "tests/unit/tokenizer/TestVocabularies.h"
#include "gmock/gmock.h"
#include <fstream>

namespace llmc::chat {
namespace {

using llmc::testing::spmMetadata;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::ordered_json;

const Json kMessages = {{{"role", "system"}, {"content", "S"}},
                        {{"role", "user"}, {"content", "U"}},
                        {{"role", "assistant"}, {"content", "A"}},
                        {{"role", "user"}, {"content", "V"}}};

class ChatTemplateTest : public ::testing::Test {
protected:
  std::string path(const std::string &extension) const {
    return ::testing::TempDir() + "/llmc_chat_" +
           ::testing::UnitTest::GetInstance()->current_test_info()->name() + extension;
  }
  // A file with the template, or without one.
  std::shared_ptr<gguf::GgufFile> file(const std::string &source) const {
    auto writer = gguf::GgufWriter::create(path(".gguf"));
    EXPECT_TRUE(writer.ok()) << writer.status();
    EXPECT_TRUE((*writer)->set("general.architecture", "llama").ok());
    if (!source.empty())
      EXPECT_TRUE((*writer)->set("tokenizer.chat_template", source.c_str()).ok());
    EXPECT_TRUE((*writer)->finish().ok());
    auto file = gguf::GgufFile::open(path(".gguf"));
    EXPECT_TRUE(file.ok()) << file.status();
    return *file;
  }

  const std::unique_ptr<Tokenizer> plain_ = llmc::testing::create(spmMetadata({}));
  const std::unique_ptr<Tokenizer> chatMl_ = llmc::testing::create(spmMetadata(
      {{"<|im_start|>", 0, TokenType::Control}, {"<|im_end|>", 0, TokenType::Control}}));
};

TEST_F(ChatTemplateTest, TakesTheModelsOwn) {
  auto own = ChatTemplate::open(
      *file("{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"
            "{{ tools is none }}{{ add_generation_prompt }}{{ eos_token }}{{ extra }}"),
      *chatMl_);
  ASSERT_TRUE(own.ok()) << own.status();
  EXPECT_EQ(own->origin(), ChatTemplate::Origin::Model);
  EXPECT_EQ(*own->render({.messages = kMessages, .variables = {{"extra", "!"}}}),
            "<s>[system]S[user]U[assistant]A[user]VTrueTrue</s>!");
}

TEST_F(ChatTemplateTest, ErrorsNameTheFileAndTheLine) {
  auto broken = ChatTemplate::open(*file("\n{% if"), *plain_);
  EXPECT_EQ(broken.status().message(),
            path(".gguf") + ": tokenizer.chat_template:2: a tag has no end, '%}'");
  std::ofstream(path(".jinja")) << "\n{{ raise_exception('no') }}";
  auto fromFile = ChatTemplate::open(*file(""), *plain_, path(".jinja"));
  ASSERT_TRUE(fromFile.ok()) << fromFile.status();
  EXPECT_EQ(fromFile->origin(), ChatTemplate::Origin::File);
  EXPECT_EQ(fromFile->render({}).status().message(), path(".jinja") + ":2: no");
}

TEST_F(ChatTemplateTest, WithoutOneTheVocabularyTells) {
  auto found = ChatTemplate::open(*file(""), *chatMl_);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->origin(), ChatTemplate::Origin::Vocabulary);
  EXPECT_EQ(found->name(), "chatml");
  auto none = ChatTemplate::open(*file(""), *plain_);
  EXPECT_EQ(none.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(none.status().message()),
              ::testing::AllOf(HasSubstr("no chat template"), HasSubstr("--chat-template"),
                               HasSubstr("chatml, llama3")));
  EXPECT_THAT(std::string(ChatTemplate::open(*file(""), *plain_, "chatlm").status().message()),
              ::testing::AllOf(HasSubstr("chatlm"), HasSubstr("chatml, llama3")));
}

TEST_F(ChatTemplateTest, BuiltinTemplates) {
  const std::pair<const char *, const char *> expected[] = {
      {"chatml", "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n"
                 "<|im_start|>assistant\nA<|im_end|>\n<|im_start|>user\nV<|im_end|>\n"
                 "<|im_start|>assistant\n"},
      {"llama3", "<s><|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|>"
                 "<|start_header_id|>user<|end_header_id|>\n\nU<|eot_id|>"
                 "<|start_header_id|>assistant<|end_header_id|>\n\nA<|eot_id|>"
                 "<|start_header_id|>user<|end_header_id|>\n\nV<|eot_id|>"
                 "<|start_header_id|>assistant<|end_header_id|>\n\n"},
      {"gemma",
       "<s><start_of_turn>user\nS\n\nU<end_of_turn>\n<start_of_turn>model\nA<end_of_turn>\n"
       "<start_of_turn>user\nV<end_of_turn>\n<start_of_turn>model\n"},
      {"phi3", "<|system|>\nS<|end|>\n<|user|>\nU<|end|>\n<|assistant|>\nA<|end|>\n"
               "<|user|>\nV<|end|>\n<|assistant|>\n"},
      {"zephyr", "<|system|>\nS</s>\n<|user|>\nU</s>\n<|assistant|>\nA</s>\n<|user|>\nV</s>\n"
                 "<|assistant|>\n"},
      {"llama2", "<s>[INST] <<SYS>>\nS\n<</SYS>>\n\nU [/INST] A </s><s>[INST] V [/INST]"},
      {"mistral", "<s>[INST] S\n\nU [/INST] A</s>[INST] V [/INST]"},
      {"vicuna", "<s>S USER: U ASSISTANT: A</s>USER: V ASSISTANT:"},
      {"alpaca", "<s>S\n\n### Instruction:\nU\n\n### Response:\nA</s>\n\n### Instruction:\nV\n\n"
                 "### Response:\n"},
  };
  EXPECT_EQ(builtinTemplates().size(), std::size(expected));
  for (const auto &[name, text] : expected) {
    auto found = ChatTemplate::open(*file(""), *plain_, name);
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(found->origin(), ChatTemplate::Origin::Name);
    EXPECT_EQ(*found->render({.messages = kMessages}), text) << name;
  }
}

TEST_F(ChatTemplateTest, BosIsNotDoubled) {
  const int32_t newline = llmc::testing::firstSpmByte + '\n';
  const int32_t start = llmc::testing::firstSpmText, end = start + 1;
  // SentencePiece puts a space in front of a text that follows a special token.
  EXPECT_THAT(*encodeChat(*chatMl_, "<|im_start|>\n<|im_end|>"),
              ElementsAre(1, start, llmc::testing::firstSpmByte + 0xE2,
                          llmc::testing::firstSpmByte + 0x96, llmc::testing::firstSpmByte + 0x81,
                          newline, end));
  EXPECT_THAT(*encodeChat(*chatMl_, "<s><|im_start|><|im_end|>"), ElementsAre(1, start, end));
  EXPECT_THAT(*encodeChat(*chatMl_, "<|im_start|>"), ElementsAre(1, start));
}

} // namespace
} // namespace llmc::chat
