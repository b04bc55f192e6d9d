#include "frontends/gguf/quantize/ImportanceSums.h"
#include "frontends/gguf/quantize/ImportanceMatrix.h"
#include "frontends/gguf/quantize/ImportanceStatistics.h"
#include "tests/unit/gguf/TempFolder.h"
#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace llmc::quantize {
namespace {

using gguf::testing::TempFolder;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Floats = std::vector<float>;

std::string messageOf(const absl::Status &status) { return std::string(status.message()); }

TEST(ImportanceSumsTest, AddsUp) {
  ImportanceSums sums(512);
  ASSERT_TRUE(sums.add("b.weight", Floats{1, 2, 3}, 4).ok());
  ASSERT_TRUE(sums.add("a.weight", Floats{5}, 4).ok());
  ASSERT_TRUE(sums.add("b.weight", Floats{7, 0, 0}, 6).ok());
  const ImportanceSums::Entry &b = sums.entries().at("b.weight");
  EXPECT_THAT(b.sums, ElementsAre(8, 2, 3));
  EXPECT_THAT(b.counts, ElementsAre(10));
  EXPECT_DOUBLE_EQ(b.mean(0), 0.8);
  EXPECT_THAT(messageOf(sums.add("a.weight", Floats{1, 2}, 4)), HasSubstr("'a.weight'"));
  EXPECT_THAT(messageOf(sums.add("a.weight", Floats{NAN}, 4)), HasSubstr("'a.weight'"));
  EXPECT_THAT(messageOf(sums.add("a.weight", Floats{INFINITY}, 4)), HasSubstr("'a.weight'"));
}

// A sum of many floats, each lost in a float that holds the rest.
TEST(ImportanceSumsTest, KeepsSmallAddendsOfLargeSums) {
  ImportanceSums sums(1);
  ASSERT_TRUE(sums.add("a.weight", Floats{1e8f}, 1).ok());
  for (int i = 0; i < 1000; ++i)
    ASSERT_TRUE(sums.add("a.weight", Floats{1}, 1).ok());
  EXPECT_EQ(sums.entries().at("a.weight").sums[0], 1e8 + 1000);
}

TEST(ImportanceSumsTest, SavesAndLoads) {
  TempFolder folder;
  ImportanceSums sums(64);
  ASSERT_TRUE(sums.add("b.weight", Floats{1, 2, 3}, 128).ok());
  ASSERT_TRUE(sums.add("a.weight", Floats{5}, 128).ok());
  sums.addDataset("text.txt");
  sums.addChunks(2);
  const std::string path = folder.path("imatrix.gguf");
  ASSERT_TRUE(sums.save(path).ok());
  absl::StatusOr<ImportanceSums> loaded = ImportanceSums::load(path);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_THAT(loaded->datasets(), ElementsAre("text.txt"));
  EXPECT_EQ(loaded->chunks(), 2u);
  EXPECT_THAT(loaded->entries().at("b.weight").sums, ElementsAre(1, 2, 3));
  EXPECT_THAT(loaded->entries().at("b.weight").counts, ElementsAre(128));
  auto file = gguf::GgufFile::open(path);
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(*(*file)->get<std::string>("general.type"), "imatrix");
  EXPECT_EQ(*(*file)->get<uint32_t>("imatrix.chunk_size"), 64u);
  std::vector<std::string> names;
  for (const gguf::TensorInfo &tensor : (*file)->tensors())
    names.push_back(tensor.name);
  EXPECT_THAT(names, ElementsAre("a.weight.in_sum2", "a.weight.counts", "b.weight.in_sum2",
                                 "b.weight.counts"));
  EXPECT_THAT((*file)->findTensor("b.weight.in_sum2")->shape, ElementsAre(3, 1));
  EXPECT_THAT((*file)->findTensor("b.weight.counts")->shape, ElementsAre(1, 1));
}

TEST(ImportanceSumsTest, Joins) {
  ImportanceSums one(64), two(64), other(64);
  ASSERT_TRUE(one.add("a.weight", Floats{1, 2}, 64).ok());
  ASSERT_TRUE(two.add("a.weight", Floats{3, 4}, 128).ok());
  ASSERT_TRUE(two.add("b.weight", Floats{5}, 128).ok());
  ASSERT_TRUE(other.add("a.weight", Floats{5}, 128).ok());
  one.addChunks(1);
  two.addChunks(2);
  one.addDataset("x");
  two.addDataset("y");
  ASSERT_TRUE(one.add(two, "two").ok());
  EXPECT_THAT(one.entries().at("a.weight").sums, ElementsAre(4, 6));
  EXPECT_THAT(one.entries().at("a.weight").counts, ElementsAre(192));
  EXPECT_THAT(one.entries().at("b.weight").counts, ElementsAre(128));
  EXPECT_THAT(one.datasets(), ElementsAre("x", "y"));
  EXPECT_EQ(one.chunks(), 3u);
  EXPECT_THAT(messageOf(one.add(other, "other.gguf")), HasSubstr("other.gguf: entry 'a.weight'"));
}

TEST(ImportanceSumsTest, FiltersAMatrix) {
  TempFolder folder;
  ImportanceSums sums(1);
  for (const char *name : {"blk.0.attn_q.weight", "blk.0.attn_k.weight", "blk.1.attn_q.weight"})
    ASSERT_TRUE(sums.add(name, Floats{5}, 1).ok());
  ASSERT_TRUE(sums.save(folder.path("m")).ok());
  auto filtered = [&](std::vector<std::string> included, std::vector<std::string> excluded) {
    absl::StatusOr<ImportanceMatrix> matrix = ImportanceMatrix::load(folder.path("m"));
    EXPECT_TRUE(matrix.ok());
    matrix->filter(included, excluded);
    return *std::move(matrix);
  };
  EXPECT_EQ(filtered({}, {}).size(), 3u);
  EXPECT_EQ(filtered({"attn_q"}, {}).size(), 2u);
  EXPECT_EQ(filtered({"attn_k", "blk.1"}, {}).size(), 2u);
  EXPECT_EQ(filtered({}, {"blk.0"}).size(), 1u);
  EXPECT_THAT(filtered({}, {"blk.0"}).find("blk.0.attn_q.weight"), IsEmpty());
  EXPECT_THAT(filtered({}, {"blk.0"}).find("blk.1.attn_q.weight"), ElementsAre(5));
}

TEST(ImportanceStatisticsTest, SpreadOfTheColumns) {
  ImportanceSums sums(1);
  ASSERT_TRUE(sums.add("blk.0.attn_q.weight", Floats{2, 2, 2, 2}, 2).ok());
  ASSERT_TRUE(sums.add("blk.1.attn_q.weight", Floats{20, 0, 0, 0}, 2).ok());
  ASSERT_TRUE(sums.add("blk.1.ffn_up.weight", Floats{0, 0}, 2).ok());
  std::vector<ImportanceStatistics> all = importanceStatistics(sums);
  ASSERT_EQ(all.size(), 3u);
  const ImportanceStatistics &sharp = all[0], &even = all[1], &idle = all[2];
  EXPECT_EQ(sharp.tensor, "blk.1.attn_q.weight");
  EXPECT_EQ(sharp.sum, 10);
  EXPECT_EQ(sharp.mean, 2.5);
  EXPECT_EQ(sharp.most, 10);
  EXPECT_EQ(sharp.active, 0.25);
  EXPECT_EQ(sharp.high, 0.25);
  EXPECT_EQ(sharp.entropy, 0);
  EXPECT_THAT(sharp.deviation, DoubleNear(std::sqrt(18.75), 1e-12));
  EXPECT_THAT(sharp.cosine.value_or(0), DoubleNear(0.5, 1e-12));
  EXPECT_EQ(even.tensor, "blk.0.attn_q.weight");
  EXPECT_THAT(even.evenness(), DoubleNear(1, 1e-12));
  EXPECT_EQ(even.deviation, 0);
  EXPECT_FALSE(even.cosine.has_value());
  EXPECT_EQ(idle.active, 0);
  EXPECT_EQ(idle.entropy, 0);
}

} // namespace
} // namespace llmc::quantize
