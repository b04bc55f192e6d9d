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

// The published numbers of parameters. Llama 3.2 has its embedding only once.
TEST(ModelShapeTest, HasTheParametersOfTheModel) {
  const std::pair<const char *, uint64_t> known[] = {{"tinyllama-1.1b", 1100048384},
                                                     {"llama3.2-1b", 1235814400},
                                                     {"openllama-3b", 3426473600},
                                                     {"llama2-7b", 6738415616},
                                                     {"llama3-8b", 8030261248}};
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
