// Files of which only the tensor records matter, and shapes that are no files at all.
#include "frontends/gguf/shape/ModelShape.h"
#include "tests/unit/gguf/FileBuilder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace llmc::gguf::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr OpenOptions kHeaderOnly{.headerOnly = true};

Bytes headerBytes() {
  FileBuilder file = sampleFile();
  file.data.clear();
  return file.build();
}

TEST(HeaderOnlyTest, ReadsTheRecordsOfAFileWithoutData) {
  Bytes bytes = headerBytes();
  EXPECT_FALSE(GgufFile::parse(bytes, "cut.gguf").ok());
  auto file = GgufFile::parse(bytes, "cut.gguf", kHeaderOnly);
  ASSERT_TRUE(file.ok()) << file.status();
  const TensorInfo *weight = (*file)->findTensor("weight");
  ASSERT_NE(weight, nullptr);
  EXPECT_THAT(weight->shape, ElementsAre(32, 2));
  EXPECT_EQ(weight->bytes, 2 * 34u);
}

TEST(HeaderOnlyTest, GivesNoDataEvenWhereItIs) {
  Bytes bytes = sampleFile().build();
  auto file = GgufFile::parse(bytes, "whole.gguf", kHeaderOnly);
  ASSERT_TRUE(file.ok()) << file.status();
  for (const TensorInfo &tensor : (*file)->tensors())
    EXPECT_EQ(tensor.data, nullptr) << tensor.name;
}

TEST(HeaderOnlyTest, StillChecksTheRecords) {
  FileBuilder overlapping = sampleFile();
  overlapping.tensors[1].offset = 0;
  Bytes bytes = overlapping.build();
  EXPECT_THAT(std::string(GgufFile::parse(bytes, "x.gguf", kHeaderOnly).status().message()),
              HasSubstr("overlap"));
  Bytes cut = headerBytes();
  cut.resize(cut.size() - 60);
  EXPECT_FALSE(GgufFile::parse(cut, "x.gguf", kHeaderOnly).ok());
}

uint64_t parameters(const GgufFile &file) {
  uint64_t total = 0;
  for (const TensorInfo &tensor : file.tensors())
    total += tensor.elements();
  return total;
}

// The published numbers of parameters; of tied models, with the embedding once.
TEST(ModelShapeTest, HasTheParametersOfTheModel) {
  const std::pair<const char *, uint64_t> known[] = {
      {"tinyllama-1.1b", 1100048384}, {"llama3.2-1b", 1235814400},   {"openllama-3b", 3426473600},
      {"llama2-7b", 6738415616},      {"llama3-8b", 8030261248},     {"qwen2.5-0.5b", 494032768},
      {"qwen2.5-1.5b", 1543714304},   {"qwen3-0.6b", 596049920},     {"qwen3-1.7b", 1720574976},
      {"pythia-1.4b", 1414647808},    {"phi-3-mini", 3821079552},    {"gemma-2-2b", 2614341888},
      {"gemma-3-1b", 999885952},      {"mixtral-8x7b", 46702792704}, {"qwen3-30b-a3b", 30532122624},
      {"starcoder2-3b", 3030371328}};
  ASSERT_EQ(std::size(known), modelShapes().size());
  for (auto [name, expected] : known) {
    auto file = openShape(std::string("shape:") + name);
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_EQ(parameters(**file), expected) << name;
  }
}

TEST(ModelShapeTest, HasTheTypeThatWasAsked) {
  auto file = openShape("shape:llama2-7b:Q6_K");
  ASSERT_TRUE(file.ok()) << file.status();
  const TensorInfo *tensor = (*file)->findTensor("blk.31.ffn_down.weight");
  ASSERT_NE(tensor, nullptr);
  EXPECT_STREQ(tensor->format->name, "q6_K");
  EXPECT_THAT(tensor->shape, ElementsAre(11008, 4096));
}

TEST(ModelShapeTest, HasTheKeysAndTensorsOfTheArchitecture) {
  auto file = openShape("shape:qwen3-30b-a3b:q8_0");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ((*file)->get<std::string>("general.architecture").value(), "qwen3moe");
  EXPECT_EQ((*file)->get<int64_t>("qwen3moe.expert_used_count").value(), 8);
  EXPECT_EQ((*file)->get<int64_t>("qwen3moe.attention.key_length").value(), 128);
  const TensorInfo *experts = (*file)->findTensor("blk.47.ffn_down_exps.weight");
  ASSERT_NE(experts, nullptr);
  EXPECT_THAT(experts->shape, ElementsAre(768, 2048, 128));
  const TensorInfo *router = (*file)->findTensor("blk.0.ffn_gate_inp.weight");
  ASSERT_NE(router, nullptr);
  EXPECT_STREQ(router->format->name, "f32");
  EXPECT_THAT(router->shape, ElementsAre(2048, 128));
  // An architecture that experts are an option of.
  file = openShape("shape:mixtral-8x7b");
  EXPECT_EQ((*file)->get<std::string>("general.architecture").value(), "llama");
}

TEST(ModelShapeTest, SaysWhatIsKnown) {
  auto message = [](const char *path) { return std::string(openShape(path).status().message()); };
  EXPECT_THAT(message("shape:llama9"), HasSubstr("openllama-3b"));
  EXPECT_THAT(message("shape:"), HasSubstr("openllama-3b"));
  EXPECT_THAT(message("shape"), HasSubstr("openllama-3b"));
  EXPECT_THAT(message("shape:llama2-7b:int3"), HasSubstr("q4_K"));
  EXPECT_THAT(message("shape:openllama-3b:q4_K"), HasSubstr("blocks of 256"));
}

} // namespace
} // namespace llmc::gguf::testing
