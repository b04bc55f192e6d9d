#include "frontends/gguf/file/GgufFile.h"

#include "tests/unit/gguf/FileBuilder.h"
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace llmc::gguf::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class GgufFileTest : public ::testing::Test {
protected:
  void SetUp() override {
    auto file = GgufFile::parse(bytes_, "sample.gguf");
    ASSERT_TRUE(file.ok()) << file.status();
    file_ = *file;
  }

  Bytes bytes_ = sampleFile().build();
  std::shared_ptr<GgufFile> file_;
};

TEST_F(GgufFileTest, SaysWhatTheHeaderSays) {
  EXPECT_EQ(file_->path(), "sample.gguf");
  EXPECT_EQ(file_->version(), 3u);
  EXPECT_EQ(file_->parts(), 1u);
  EXPECT_EQ(file_->alignment(), 32u);
  EXPECT_EQ(file_->fileBytes(), bytes_.size());
}

TEST_F(GgufFileTest, ReadsEachScalarAsItself) {
  EXPECT_EQ(*file_->get<std::string>("general.architecture"), "llama");
  EXPECT_EQ(*file_->get<uint32_t>("t.u32"), 4000000000u);
  EXPECT_EQ(*file_->get<int32_t>("t.i32"), -70000);
  EXPECT_EQ(*file_->get<uint64_t>("t.u64"), uint64_t(1) << 63);
  EXPECT_EQ(*file_->get<int64_t>("t.i64"), int64_t(-1) << 40);
  EXPECT_EQ(*file_->get<float>("t.f32"), 0.5f);
  EXPECT_EQ(*file_->get<double>("t.f64"), 1e300);
  EXPECT_EQ(*file_->get<bool>("t.bool"), true);
}

TEST_F(GgufFileTest, StringViewsPointIntoTheFile) {
  absl::string_view text = *file_->get<absl::string_view>("general.architecture");
  EXPECT_EQ(text, "llama");
  const auto *at = reinterpret_cast<const uint8_t *>(text.data());
  EXPECT_TRUE(at >= bytes_.data() && at + text.size() <= bytes_.data() + bytes_.size());
}

TEST_F(GgufFileTest, ConvertsIntegersThatFit) {
  EXPECT_EQ(*file_->get<int64_t>("t.u8"), 200);
  EXPECT_EQ(*file_->get<int32_t>("t.i8"), -5);
  EXPECT_EQ(*file_->get<uint64_t>("t.u16"), 60000u);
  EXPECT_EQ(*file_->get<int64_t>("t.i16"), -300);
  EXPECT_EQ(*file_->get<int64_t>("t.u32"), 4000000000);
  EXPECT_EQ(*file_->get<double>("t.f32"), 0.5);
}

TEST_F(GgufFileTest, RefusesValuesThatDoNotFit) {
  for (const absl::Status &status :
       {file_->get<uint32_t>("t.i8").status(), file_->get<int32_t>("t.u32").status(),
        file_->get<int64_t>("t.u64").status(), file_->get<int32_t>("t.i64").status(),
        file_->get<float>("t.f64").status()})
    EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange) << status;
  EXPECT_THAT(
      std::string(file_->get<uint32_t>("t.i8").status().message()),
      ::testing::StartsWith("sample.gguf: metadata key 't.i8' is -5, which does not fit u32"));
}

TEST_F(GgufFileTest, RefusesOtherTypes) {
  auto refused = [&](const absl::Status &status, absl::string_view message) {
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr(std::string(message)));
  };
  refused(file_->get<uint32_t>("t.f32").status(), "key 't.f32' is f32, expected u32");
  refused(file_->get<float>("t.u8").status(), "key 't.u8' is u8, expected f32");
  refused(file_->get<bool>("t.u8").status(), "key 't.u8' is u8, expected bool");
  refused(file_->get<uint32_t>("t.bool").status(), "key 't.bool' is bool, expected u32");
  refused(file_->get<std::string>("t.u8").status(), "key 't.u8' is u8, expected string");
  refused(file_->get<int32_t>("general.architecture").status(), "is string, expected i32");
  refused(file_->get<int32_t>("a.i32").status(), "key 'a.i32' is array of i32, expected i32");
  refused(file_->getArray<int32_t>("t.i32").status(), "is i32, expected array of i32");
  refused(file_->getArray<int32_t>("a.f32").status(), "is array of f32, expected array of i32");
  refused(file_->getArray<std::string>("a.i32").status(), "is array of i32, expected array of str");
  refused(file_->getArray<float>("a.string").status(), "is array of string, expected array of f32");
  refused(file_->getArray<float>("a.empty").status(), "is array of i32, expected array of f32");
  refused(file_->getOr<uint32_t>("t.f32", 1).status(), "key 't.f32' is f32, expected u32");
}

TEST_F(GgufFileTest, TellsMissingKeysFromWrongOnes) {
  EXPECT_FALSE(file_->contains("no.such"));
  EXPECT_EQ(file_->get<float>("no.such").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(file_->getArray<float>("no.such").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(*file_->getOr<float>("no.such", 2.5f), 2.5f);
  EXPECT_EQ(*file_->getOr<float>("t.f32", 2.5f), 0.5f);
}

TEST_F(GgufFileTest, ReadsArrays) {
  EXPECT_THAT(*file_->getArray<int32_t>("a.i32"), ElementsAre(1, -2, 3));
  EXPECT_THAT(*file_->getArray<uint64_t>("a.u8"), ElementsAre(7, 255));
  EXPECT_THAT(*file_->getArray<double>("a.f32"), ElementsAre(1.5, -2.0));
  EXPECT_THAT(*file_->getArray<bool>("a.bool"), ElementsAre(true, false, true));
  EXPECT_THAT(*file_->getArray<std::string>("a.string"), ElementsAre("<s>", "", "a\nb"));
  EXPECT_THAT(*file_->getArray<absl::string_view>("a.string"), ElementsAre("<s>", "", "a\nb"));
  EXPECT_THAT(*file_->getArray<uint32_t>("a.empty"), ElementsAre());
  absl::Status negative = file_->getArray<uint32_t>("a.i32").status();
  EXPECT_EQ(negative.code(), absl::StatusCode::kOutOfRange);
  EXPECT_THAT(std::string(negative.message()),
              HasSubstr("element 1 of metadata key 'a.i32' is -2"));
}

TEST_F(GgufFileTest, ListsKeysInFileOrderWithTheirRecords) {
  FileBuilder builder = sampleFile();
  ASSERT_EQ(file_->keyValues().size(), builder.records.size());
  for (size_t i = 0; i < builder.records.size(); ++i) {
    std::span<const uint8_t> record = file_->keyValues()[i].record;
    EXPECT_EQ(Bytes(record.begin(), record.end()), builder.records[i]) << i;
  }
}

TEST_F(GgufFileTest, PreviewsAreShortPrintableLines) {
  auto preview = [&](absl::string_view key, size_t limit = 72) {
    return file_->find(key)->preview(limit);
  };
  EXPECT_EQ(preview("general.architecture"), "\"llama\"");
  EXPECT_EQ(preview("t.u8"), "200");
  EXPECT_EQ(preview("t.i8"), "-5");
  EXPECT_EQ(preview("t.bool"), "true");
  EXPECT_EQ(preview("t.f32"), "0.5");
  EXPECT_EQ(preview("a.i32"), "[1, -2, 3]");
  EXPECT_EQ(preview("a.i32", 3), "[1, ... 3]");
  EXPECT_EQ(preview("a.string"), "[\"<s>\", \"\", \"a\\nb\"]");
  EXPECT_EQ(preview("a.empty"), "[]");
  EXPECT_EQ(file_->find("a.string")->typeName(), "array of string");
}

TEST_F(GgufFileTest, FindsTensorsAndTheirBytes) {
  ASSERT_EQ(file_->tensors().size(), 3u);
  const uint8_t *data = bytes_.data() + bytes_.size() - 188;
  const TensorInfo *norm = file_->findTensor("norm");
  ASSERT_NE(norm, nullptr);
  EXPECT_EQ(norm->format, findBlockFormat("f32"));
  EXPECT_EQ(norm->bytes, 32u);
  EXPECT_EQ(norm->data, data);
  const TensorInfo *weight = file_->findTensor("weight");
  ASSERT_NE(weight, nullptr);
  EXPECT_THAT(weight->shape, ElementsAre(32, 2));
  EXPECT_EQ(weight->format, findBlockFormat("q8_0"));
  EXPECT_EQ(weight->elements(), 64u);
  EXPECT_EQ(weight->bytes, 68u);
  EXPECT_EQ(weight->data, data + 32);
  const TensorInfo *raw = file_->findTensor("raw");
  ASSERT_NE(raw, nullptr);
  EXPECT_EQ(raw->format, nullptr);
  EXPECT_EQ(raw->ggmlType, 24u);
  EXPECT_EQ(raw->bytes, 60u);
  EXPECT_EQ(raw->data, data + 128);
  EXPECT_EQ(file_->findTensor("other"), nullptr);
}

TEST(GgufFile, ReadsPlainTypes) {
  FileBuilder file;
  file.tensors = {{"a", {2}, 25, 0}, {"b", {2}, 26, 32}, {"c", {2}, 27, 64}, {"d", {2}, 28, 96}};
  file.data.resize(112);
  Bytes bytes = file.build();
  auto parsed = GgufFile::parse(bytes, "plain.gguf");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  std::vector<uint64_t> sizes;
  for (const TensorInfo &tensor : (*parsed)->tensors()) {
    EXPECT_EQ(tensor.format, nullptr);
    sizes.push_back(tensor.bytes);
  }
  EXPECT_THAT(sizes, ElementsAre(4, 8, 16, 16));
}

TEST(GgufFile, ReadsVersion2AndFilesWithoutTensors) {
  FileBuilder file;
  file.version = 2;
  file.key("tokenizer.ggml.model", 8, packedString("gpt2"));
  Bytes bytes = file.build();
  auto parsed = GgufFile::parse(bytes, "vocab.gguf");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ((*parsed)->version(), 2u);
  EXPECT_TRUE((*parsed)->tensors().empty());
}

TEST(GgufFile, FollowsTheAlignmentKey) {
  FileBuilder file;
  file.alignment = 4096;
  file.key("general.alignment", 4, packed(uint32_t(4096)));
  file.tensors = {{"a", {1}, 24, 0}, {"b", {1}, 24, 4096}};
  file.data.resize(4097);
  file.data[4096] = 99;
  Bytes bytes = file.build();
  auto parsed = GgufFile::parse(bytes, "aligned.gguf");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ((*parsed)->alignment(), 4096u);
  EXPECT_EQ(*(*parsed)->findTensor("b")->data, 99);
}

TEST(GgufFile, AcceptsTensorsOutOfOrderAndWithGaps) {
  FileBuilder file;
  file.tensors = {{"late", {1}, 24, 96}, {"early", {1}, 24, 32}};
  file.data.resize(97);
  file.data[96] = 1, file.data[32] = 2;
  Bytes bytes = file.build();
  auto parsed = GgufFile::parse(bytes, "gaps.gguf");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ((*parsed)->tensors()[0].name, "late");
  EXPECT_EQ(*(*parsed)->findTensor("late")->data, 1);
  EXPECT_EQ(*(*parsed)->findTensor("early")->data, 2);
}

TEST(GgufFile, OpenNamesPathsThatAreNotFiles) {
  auto missing = GgufFile::open(::testing::TempDir() + "no-such-file.gguf");
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.status().message()), HasSubstr("no-such-file.gguf: cannot open"));
  auto folder = GgufFile::open(::testing::TempDir());
  EXPECT_THAT(std::string(folder.status().message()), HasSubstr("not a regular file"));
}

// Set LLMC_TEST_MODELS to a folder of .gguf files to read them all.
TEST(GgufFile, OpensRealFiles) {
  const char *folder = std::getenv("LLMC_TEST_MODELS");
  if (!folder)
    GTEST_SKIP() << "LLMC_TEST_MODELS is not set";
  size_t count = 0;
  for (const auto &entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".gguf") {
      auto file = GgufFile::open(entry.path());
      EXPECT_TRUE(file.ok()) << file.status();
      ++count;
    }
  EXPECT_GT(count, 0u);
}

} // namespace
} // namespace llmc::gguf::testing
