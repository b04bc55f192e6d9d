#include "frontends/gguf/file/GgufWriter.h"

#include "tests/unit/gguf/FileBuilder.h"
#include "tests/unit/gguf/TempFolder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace llmc::gguf::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string text(const absl::Status &status) { return std::string(status.message()); }

class GgufWriterTest : public ::testing::Test {
protected:
  std::unique_ptr<GgufWriter> create(uint32_t alignment = 32) {
    auto writer = GgufWriter::create(folder_.path("out.gguf"), alignment);
    EXPECT_TRUE(writer.ok()) << writer.status();
    return *std::move(writer);
  }
  // A writer with one declared tensor of 4 bytes.
  std::unique_ptr<GgufWriter> createWithTensor() {
    auto writer = create();
    EXPECT_TRUE(writer->addTensor("t", shape_, 24, 4).ok());
    return writer;
  }
  void expectNothingLeft(std::unique_ptr<GgufWriter> writer) {
    EXPECT_FALSE(writer->finish().ok());
    EXPECT_THAT(folder_.names(), ElementsAre());
  }

  TempFolder folder_;
  const std::vector<uint64_t> shape_ = {4};
  const Bytes four_ = {1, 2, 3, 4};
};

// The builder is the other reading of the format: both must give the same bytes.
TEST_F(GgufWriterTest, WritesTheBytesOfTheFormat) {
  auto writer = create();
  ASSERT_TRUE(writer->set("general.architecture", "llama").ok());
  ASSERT_TRUE(writer->set("t.u8", uint8_t(200)).ok());
  ASSERT_TRUE(writer->set("t.i8", int8_t(-5)).ok());
  ASSERT_TRUE(writer->set("t.u16", uint16_t(60000)).ok());
  ASSERT_TRUE(writer->set("t.i16", int16_t(-300)).ok());
  ASSERT_TRUE(writer->set("t.u32", uint32_t(4000000000)).ok());
  ASSERT_TRUE(writer->set("t.i32", int32_t(-70000)).ok());
  ASSERT_TRUE(writer->set("t.f32", 0.5f).ok());
  ASSERT_TRUE(writer->set("t.bool", true).ok());
  ASSERT_TRUE(writer->set("t.u64", uint64_t(1) << 63).ok());
  ASSERT_TRUE(writer->set("t.i64", int64_t(-1) << 40).ok());
  ASSERT_TRUE(writer->set("t.f64", 1e300).ok());
  ASSERT_TRUE(writer->setArray("a.i32", std::vector<int32_t>{1, -2, 3}).ok());
  ASSERT_TRUE(writer->setArray("a.u8", std::vector<uint8_t>{7, 255}).ok());
  ASSERT_TRUE(writer->setArray("a.f32", std::vector<float>{1.5f, -2.0f}).ok());
  ASSERT_TRUE(writer->setArray("a.bool", std::vector<bool>{true, false, true}).ok());
  ASSERT_TRUE(writer->setArray("a.string", std::vector<std::string>{"<s>", "", "a\nb"}).ok());
  ASSERT_TRUE(writer->setArray("a.empty", std::vector<int32_t>{}).ok());

  FileBuilder sample = sampleFile();
  std::span<const uint8_t> data(sample.data);
  const std::vector<uint64_t> norm = {8}, weight = {32, 2}, raw = {60};
  ASSERT_TRUE(writer->addTensor("norm", norm, 0, 32).ok());
  ASSERT_TRUE(writer->addTensor("weight", weight, 8, 68).ok());
  ASSERT_TRUE(writer->addTensor("raw", raw, 24, 60).ok());
  ASSERT_TRUE(writer->writeTensor("norm", data.subspan(0, 32)).ok());
  absl::Status pieces = writer->writeTensor("weight", [&](GgufWriter::Append append) {
    for (size_t i = 0; i < 68; i += 17)
      if (absl::Status status = append(data.subspan(32 + i, 17)); !status.ok())
        return status;
    return absl::OkStatus();
  });
  ASSERT_TRUE(pieces.ok()) << pieces;
  ASSERT_TRUE(writer->writeTensor("raw", data.subspan(128, 60)).ok());
  EXPECT_THAT(folder_.names(), ::testing::Not(::testing::Contains("out.gguf")));
  absl::Status finished = writer->finish();
  ASSERT_TRUE(finished.ok()) << finished;
  EXPECT_THAT(folder_.names(), ElementsAre("out.gguf"));

  // Between tensors and behind the last the writer puts zeros.
  std::fill(sample.data.begin() + 100, sample.data.begin() + 128, 0);
  sample.data.resize(192);
  EXPECT_EQ(folder_.read("out.gguf"), sample.build());
}

TEST_F(GgufWriterTest, CopiesMetadataByteForByteWithoutTheContainersKeys) {
  FileBuilder source = sampleFile();
  source.alignment = 64;
  source.tensors.clear();
  source.data.clear();
  FileBuilder expected = source;
  source.key("general.alignment", 4, packed(64u));
  source.key("split.count", 2, packed(uint16_t(1)));
  Bytes bytes = source.build();
  auto file = GgufFile::parse(bytes, "source.gguf");
  ASSERT_TRUE(file.ok()) << file.status();
  auto writer = create();
  ASSERT_TRUE(writer->copyMetadata(**file).ok());
  ASSERT_TRUE(writer->finish().ok());
  EXPECT_EQ(folder_.read("out.gguf"), expected.build());
}

TEST_F(GgufWriterTest, AKeyThatIsSetAgainKeepsItsPlace) {
  auto writer = create();
  ASSERT_TRUE(writer->set("a", uint32_t(1)).ok());
  ASSERT_TRUE(writer->set("b", uint32_t(2)).ok());
  ASSERT_TRUE(writer->set("c", uint32_t(3)).ok());
  ASSERT_TRUE(writer->set("a", "new").ok());
  writer->remove("b");
  ASSERT_TRUE(writer->finish().ok());
  auto file = GgufFile::open(folder_.path("out.gguf"));
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_EQ((*file)->keyValues().size(), 2u);
  EXPECT_EQ((*file)->keyValues()[0].key, "a");
  EXPECT_EQ(*(*file)->get<std::string>("a"), "new");
  EXPECT_EQ((*file)->keyValues()[1].key, "c");
}

TEST_F(GgufWriterTest, AlignsTensorsToPages) {
  auto writer = create(4096);
  ASSERT_TRUE(writer->addTensor("a", shape_, 24, 4).ok());
  ASSERT_TRUE(writer->addTensor("b", shape_, 24, 4).ok());
  ASSERT_TRUE(writer->writeTensor("a", four_).ok());
  ASSERT_TRUE(writer->writeTensor("b", four_).ok());
  ASSERT_TRUE(writer->finish().ok());
  auto file = GgufFile::open(folder_.path("out.gguf"));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ((*file)->alignment(), 4096u);
  for (const TensorInfo &tensor : (*file)->tensors()) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.data) % 4096, 0u);
    EXPECT_EQ(Bytes(tensor.data, tensor.data + tensor.bytes), four_);
  }
}

TEST_F(GgufWriterTest, WritesTensorsLargerThanItsBuffer) {
  Bytes large((5 << 20) + 3);
  for (size_t i = 0; i < large.size(); ++i)
    large[i] = static_cast<uint8_t>(i * 2654435761u >> 13);
  const std::vector<uint64_t> shape = {large.size()};
  auto writer = createWithTensor();
  ASSERT_TRUE(writer->addTensor("large", shape, 24, large.size()).ok());
  ASSERT_TRUE(writer->writeTensor("t", four_).ok());
  ASSERT_TRUE(writer->writeTensor("large", large).ok());
  ASSERT_TRUE(writer->finish().ok());
  auto file = GgufFile::open(folder_.path("out.gguf"));
  ASSERT_TRUE(file.ok()) << file.status();
  const TensorInfo *tensor = (*file)->findTensor("large");
  ASSERT_NE(tensor, nullptr);
  EXPECT_TRUE(std::equal(large.begin(), large.end(), tensor->data));
  EXPECT_EQ(*(*file)->findTensor("t")->data, 1);
}

TEST_F(GgufWriterTest, RefusesBadDeclarations) {
  auto writer = createWithTensor();
  auto refused = [&](absl::string_view name, std::vector<uint64_t> shape, uint32_t type,
                     uint64_t bytes, const char *message) {
    EXPECT_THAT(text(writer->addTensor(name, shape, type, bytes)), HasSubstr(message));
  };
  refused("t", {4}, 24, 4, "cannot write tensor 't': it is declared twice");
  refused("", {4}, 24, 4, "its name has 0 bytes");
  refused(std::string(64, 'n'), {4}, 24, 4, "its name has 64 bytes");
  refused("u", {4}, 0, 4, "F32 of this shape has 16 bytes, not 4");
  refused("u", {4}, 15, 4, "Q8_K (ggml type 15) is not one of the supported types");
  refused("u", {}, 24, 4, "it has 0 dimensions");
  refused("u", {1, 1, 1, 1, 4}, 24, 4, "it has 5 dimensions");
  refused("u", {0}, 24, 0, "dimension 0 is 0");
  refused("u", {33}, 8, 34, "not a multiple of 32");
  refused("u", {UINT64_MAX}, 24, UINT64_MAX, "larger than 64 bits can say");
}

TEST_F(GgufWriterTest, RefusesBadMetadata) {
  auto writer = createWithTensor();
  EXPECT_THAT(text(writer->set("", uint32_t(1))), HasSubstr("empty metadata key"));
  EXPECT_THAT(text(writer->set("general.alignment", uint32_t(64))),
              HasSubstr("give it to create()"));
  ASSERT_TRUE(writer->writeTensor("t", four_).ok());
  EXPECT_THAT(text(writer->set("k", uint32_t(1))), HasSubstr("comes after the first tensor"));
  EXPECT_THAT(text(writer->addTensor("u", shape_, 24, 4)), HasSubstr("declared after the first"));
}

TEST_F(GgufWriterTest, RefusesBadAlignments) {
  for (uint32_t alignment : {0u, 4u, 48u, 8192u})
    EXPECT_THAT(text(GgufWriter::create(folder_.path("out.gguf"), alignment).status()),
                HasSubstr("give a power of two from 8 to 4096"));
  EXPECT_THAT(folder_.names(), ElementsAre());
}

TEST_F(GgufWriterTest, DataOfTheWrongLengthLeavesNothing) {
  auto shorter = createWithTensor();
  EXPECT_THAT(text(shorter->writeTensor("t", std::span(four_).first(3))),
              HasSubstr("its data ends 1 bytes before the 4 declared"));
  expectNothingLeft(std::move(shorter));
  auto longer = createWithTensor();
  EXPECT_THAT(text(longer->writeTensor("t", Bytes(5))), HasSubstr("longer than the 4 bytes"));
  expectNothingLeft(std::move(longer));
  auto careless = createWithTensor();
  absl::Status ignored = careless->writeTensor("t", [&](GgufWriter::Append append) {
    append(Bytes(5)).IgnoreError();
    return append(four_).ok() ? absl::OkStatus() : absl::OkStatus();
  });
  EXPECT_THAT(text(ignored), HasSubstr("longer than the 4 bytes"));
  expectNothingLeft(std::move(careless));
}

TEST_F(GgufWriterTest, AnErrorOfTheCallbackIsPassedOn) {
  auto writer = createWithTensor();
  absl::Status status = writer->writeTensor(
      "t", [](GgufWriter::Append) { return absl::DataLossError("the source is gone"); });
  EXPECT_EQ(status, absl::DataLossError("the source is gone"));
  expectNothingLeft(std::move(writer));
}

TEST_F(GgufWriterTest, TensorsOutOfOrderLeaveNothing) {
  auto writer = createWithTensor();
  EXPECT_THAT(text(writer->writeTensor("u", four_)), HasSubstr("tensor 't' comes first"));
  expectNothingLeft(std::move(writer));
  auto done = createWithTensor();
  ASSERT_TRUE(done->writeTensor("t", four_).ok());
  EXPECT_THAT(text(done->writeTensor("t", four_)), HasSubstr("all declared tensors are written"));
  expectNothingLeft(std::move(done));
}

TEST_F(GgufWriterTest, AnUnfinishedFileKeepsTheOldOne) {
  folder_.write("out.gguf", {'o', 'l', 'd'});
  {
    auto dropped = createWithTensor();
    ASSERT_TRUE(dropped->writeTensor("t", four_).ok());
    EXPECT_LE(folder_.names().size(), 2u); // it need not have a name yet
  }
  auto incomplete = createWithTensor();
  EXPECT_THAT(text(incomplete->finish()), HasSubstr("'t': finish() came before its data"));
  EXPECT_THAT(folder_.names(), ElementsAre("out.gguf"));
  EXPECT_EQ(folder_.read("out.gguf"), (Bytes{'o', 'l', 'd'}));
}

TEST_F(GgufWriterTest, ReplacesAFileThatIsMapped) {
  auto writeByte = [&](uint8_t byte) {
    auto writer = createWithTensor();
    ASSERT_TRUE(writer->writeTensor("t", Bytes(4, byte)).ok());
    ASSERT_TRUE(writer->finish().ok());
  };
  writeByte(1);
  auto before = GgufFile::open(folder_.path("out.gguf"));
  ASSERT_TRUE(before.ok()) << before.status();
  writeByte(2);
  auto after = GgufFile::open(folder_.path("out.gguf"));
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_EQ(*(*before)->findTensor("t")->data, 1);
  EXPECT_EQ(*(*after)->findTensor("t")->data, 2);
}

TEST_F(GgufWriterTest, RefusesTargetsThatCannotBeFiles) {
  EXPECT_THAT(text(GgufWriter::create("/dev/null").status()), HasSubstr("not a regular file"));
  EXPECT_THAT(text(GgufWriter::create(folder_.path("")).status()), HasSubstr("not a regular file"));
  EXPECT_EQ(GgufWriter::create(folder_.path("no/out.gguf")).status().code(),
            absl::StatusCode::kNotFound);
}

} // namespace
} // namespace llmc::gguf::testing
