#include "frontends/gguf/quantize/ImportanceMatrix.h"
#include "frontends/gguf/file/GgufWriter.h"
#include "tests/unit/gguf/TempFolder.h"
#include <cmath>
#include <cstring>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace llmc::quantize {
namespace {

using gguf::testing::TempFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// The .dat format.
class DatBuilder {
public:
  DatBuilder &number(int32_t value) { return raw(&value, 4); }
  DatBuilder &text(const std::string &value) {
    number(static_cast<int32_t>(value.size()));
    return raw(value.data(), value.size());
  }
  DatBuilder &entry(const std::string &name, int32_t calls, const std::vector<float> &sums) {
    text(name).number(calls).number(static_cast<int32_t>(sums.size()));
    return raw(sums.data(), 4 * sums.size());
  }
  std::vector<uint8_t> bytes;

private:
  DatBuilder &raw(const void *p, size_t count) {
    const auto *begin = static_cast<const uint8_t *>(p);
    bytes.insert(bytes.end(), begin, begin + count);
    return *this;
  }
};

absl::StatusOr<ImportanceMatrix> loadBytes(const TempFolder &folder,
                                           const std::vector<uint8_t> &bytes) {
  folder.write("imatrix", bytes);
  return ImportanceMatrix::load(folder.path("imatrix"));
}

TEST(ImportanceMatrixTest, ReadsTheDatFormat) {
  TempFolder folder;
  DatBuilder dat;
  dat.number(2).entry("a.weight", 4, {4, 8, 0}).entry("b.weight", 0, {3, 5});
  absl::StatusOr<ImportanceMatrix> old = loadBytes(folder, dat.bytes);
  ASSERT_TRUE(old.ok()) << old.status();
  EXPECT_EQ(old->size(), 2u);
  EXPECT_THAT(old->find("a.weight"), ElementsAre(1, 2, 0));
  EXPECT_THAT(old->find("b.weight"), ElementsAre(3, 5));
  EXPECT_THAT(old->find("c.weight"), IsEmpty());
  EXPECT_EQ(old->chunks(), 0u);

  dat.number(125).text("wiki.txt");
  absl::StatusOr<ImportanceMatrix> matrix = loadBytes(folder, dat.bytes);
  ASSERT_TRUE(matrix.ok()) << matrix.status();
  EXPECT_EQ(matrix->chunks(), 125u);
  EXPECT_EQ(matrix->dataset(), "wiki.txt");
}

TEST(ImportanceMatrixTest, NoTruncationOrWildLengthCrashes) {
  TempFolder folder;
  DatBuilder dat;
  dat.number(2).entry("a.weight", 4, {4, 8, 0}).entry("b.weight", 1, {3, 5});
  for (size_t length = 0; length < dat.bytes.size(); ++length) {
    absl::StatusOr<ImportanceMatrix> matrix =
        loadBytes(folder, {dat.bytes.begin(), dat.bytes.begin() + length});
    ASSERT_FALSE(matrix.ok()) << length;
    EXPECT_THAT(std::string(matrix.status().message()), HasSubstr("imatrix")) << length;
  }
  for (size_t at = 0; at + 4 <= dat.bytes.size(); ++at)
    for (int32_t wild : {-1, 0x7fffffff, -0x7fffffff - 1}) {
      std::vector<uint8_t> bytes = dat.bytes;
      std::memcpy(bytes.data() + at, &wild, 4);
      loadBytes(folder, bytes).IgnoreError();
    }
}

TEST(ImportanceMatrixTest, ReadsTheGgufFormat) {
  TempFolder folder;
  std::string path = folder.path("imatrix.gguf");
  auto writer = gguf::GgufWriter::create(path);
  ASSERT_TRUE(writer.ok());
  auto bytesOf = [](const std::vector<float> &x) {
    return std::span(reinterpret_cast<const uint8_t *>(x.data()), 4 * x.size());
  };
  const std::vector<float> sums = {2, 4, 30, 60, 7, 7}, counts = {2, 10, 0};
  const std::vector<uint64_t> sumShape = {2, 3}, countShape = {1, 3};
  ASSERT_TRUE((*writer)->set("general.type", "imatrix").ok());
  ASSERT_TRUE((*writer)->set<uint32_t>("imatrix.chunk_count", 9).ok());
  ASSERT_TRUE(
      (*writer)->setArray("imatrix.datasets", std::vector<std::string>{"x.txt", "y.txt"}).ok());
  ASSERT_TRUE((*writer)->addTensor("e.weight.in_sum2", sumShape, 0, 24).ok());
  ASSERT_TRUE((*writer)->addTensor("e.weight.counts", countShape, 0, 12).ok());
  ASSERT_TRUE((*writer)->writeTensor("e.weight.in_sum2", bytesOf(sums)).ok());
  ASSERT_TRUE((*writer)->writeTensor("e.weight.counts", bytesOf(counts)).ok());
  ASSERT_TRUE((*writer)->finish().ok());
  absl::StatusOr<ImportanceMatrix> matrix = ImportanceMatrix::load(path);
  ASSERT_TRUE(matrix.ok()) << matrix.status();
  // An expert that no token reached has all columns alike.
  EXPECT_THAT(matrix->find("e.weight"), ElementsAre(1, 2, 3, 6, 1, 1));
  EXPECT_EQ(matrix->chunks(), 9u);
  EXPECT_EQ(matrix->dataset(), "x.txt");
}

TEST(ImportanceMatrixTest, WhatIsNoMeanOfSquaresIsAnError) {
  TempFolder folder;
  for (float bad : {-1.0f, NAN, INFINITY}) {
    DatBuilder dat;
    dat.number(1).entry("blk.3.x.weight", 1, {1, bad});
    absl::StatusOr<ImportanceMatrix> matrix = loadBytes(folder, dat.bytes);
    ASSERT_FALSE(matrix.ok());
    EXPECT_THAT(std::string(matrix.status().message()), HasSubstr("'blk.3.x.weight'"));
  }
}

} // namespace
} // namespace llmc::quantize
