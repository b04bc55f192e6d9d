#include "compiler/Artifact/ArtifactFile.h"
#include "tests/unit/gguf/FileBuilder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <new>

namespace llmc {
namespace {

using namespace gguf::testing;
using ::testing::HasSubstr;

// Bytes as a mapping has them, aligned to a page.
class AlignedCopy {
public:
  explicit AlignedCopy(const Bytes &bytes)
      : data_(static_cast<uint8_t *>(::operator new(bytes.size(), kPage))), size_(bytes.size()) {
    std::copy(bytes.begin(), bytes.end(), data_);
  }
  ~AlignedCopy() { ::operator delete(data_, kPage); }
  AlignedCopy(const AlignedCopy &) = delete;
  AlignedCopy &operator=(const AlignedCopy &) = delete;
  std::span<const uint8_t> span() const { return {data_, size_}; }

private:
  static constexpr std::align_val_t kPage{4096};
  uint8_t *data_;
  size_t size_;
};

FileBuilder sample() {
  FileBuilder file;
  file.key("llmc.version", 4, packed(1u));
  file.key("llmc.program", 8, packedString("module {}"));
  file.key("general.alignment", 4, packed(64u));
  file.alignment = 64;
  file.tensors = {{"llmc.object", {40}, 24, 0}, {"norm", {8}, 0, 64}, {"packed", {2048}, 24, 128}};
  file.data.resize(128 + 2048);
  return file;
}

class ArtifactFile : public ::testing::Test {
protected:
  const gguf::GgufFile &open(const FileBuilder &builder) {
    bytes_ = std::make_unique<AlignedCopy>(builder.build());
    auto file = gguf::GgufFile::parse(bytes_->span(), "m.llmc");
    EXPECT_TRUE(file.ok()) << file.status();
    file_ = *file;
    return *file_;
  }
  std::string errorOf(const ProgramWeight &weight) {
    auto found = artifactWeights(open(sample()), {&weight, 1});
    return found.ok() ? "no error" : std::string(found.status().message());
  }

  const BlockFormat *f32_ = findBlockFormat("f32");
  std::unique_ptr<AlignedCopy> bytes_;
  std::shared_ptr<gguf::GgufFile> file_;
};

TEST_F(ArtifactFile, ReadsItsParts) {
  const gguf::GgufFile &file = open(sample());
  EXPECT_TRUE(isArtifact(file));
  EXPECT_EQ(artifactProgram(file).value_or(""), "module {}");
  EXPECT_EQ(artifactCode(file).size(), 40u);
  const ProgramWeight weights[] = {{"packed", f32_, 16, 32, true}, {"norm", f32_, 1, 8, false}};
  auto found = artifactWeights(file, weights);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ((*found)[0], file.findTensor("packed")->data);
  EXPECT_EQ((*found)[1], file.findTensor("norm")->data);
}

TEST_F(ArtifactFile, RefusesWeightsOfOtherSizes) {
  EXPECT_THAT(errorOf({"none", f32_, 1, 8, false}), HasSubstr("m.llmc: tensor 'none' is missing"));
  EXPECT_THAT(errorOf({"norm", f32_, 1, 9, false}),
              HasSubstr("has 32 bytes, the program takes 36"));
  EXPECT_THAT(errorOf({"packed", f32_, 17, 32, true}), HasSubstr("compile the model again"));
  // Products that come out right modulo 2^64.
  EXPECT_THAT(errorOf({"norm", f32_, uint64_t(1) << 62, 8, false}), HasSubstr("more than any"));
  EXPECT_THAT(errorOf({"norm", f32_, (uint64_t(1) << 32) + 1, uint64_t(1) << 32, false}),
              HasSubstr("more than any"));
  EXPECT_THAT(errorOf({"norm", f32_, 1 << 24, 1 << 30, false}), HasSubstr("more than any"));
}

TEST_F(ArtifactFile, RefusesOtherVersions) {
  FileBuilder file = sample();
  file.records[0] = packedString("llmc.version") + packed(4u, 2u);
  EXPECT_THAT(std::string(artifactProgram(open(file)).status().message()),
              HasSubstr("format 2, this one reads 1"));
  file.records.erase(file.records.begin() + 1);
  file.records[0] = packedString("llmc.version") + packed(4u, 1u);
  EXPECT_THAT(std::string(artifactProgram(open(file)).status().message()),
              HasSubstr("llmc.program"));
}

TEST_F(ArtifactFile, RefusesWeightsThatAreNotAligned) {
  FileBuilder file = sample();
  file.records[2] = packedString("general.alignment") + packed(4u, 32u);
  file.tensors[1].offset = 96;
  const gguf::GgufFile &opened = open(file);
  const ProgramWeight weight{"norm", f32_, 1, 8, false};
  auto found = artifactWeights(opened, {&weight, 1});
  ASSERT_FALSE(found.ok());
  EXPECT_THAT(std::string(found.status().message()), HasSubstr("not aligned to 64 bytes"));
}

} // namespace
} // namespace llmc
