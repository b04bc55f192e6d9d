#include "runtime/core/ReadBandwidth.h"

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

namespace llmc {
namespace {

TEST(SumOfWords, ReadsEveryWordOnce) {
  for (size_t size : {0, 1, 3, 4, 31, 32, 33, 63, 64, 95, 1000}) {
    std::vector<uint64_t> words(size);
    uint64_t wanted = 0;
    for (size_t i = 0; i < size; ++i)
      wanted += words[i] = (i + 1) * 0x9E3779B97F4A7C15u;
    EXPECT_EQ(sumOfWords(words), wanted) << size;
  }
}

TEST(ReadBandwidth, IsTheBytesOverTheTime) {
  ThreadTeam team(2);
  ReadBandwidthOptions options;
  options.bytes = size_t(32) << 20;
  options.repeats = 4;
  const auto start = std::chrono::steady_clock::now();
  auto bandwidth = measureReadBandwidth(team, options);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  ASSERT_TRUE(bandwidth.ok()) << bandwidth.status();
  // The three slowest of four repeats take at least twice the median, and all lie within the call.
  EXPECT_GT(*bandwidth, 2 * double(options.bytes) / seconds / 1e9);
  EXPECT_LT(*bandwidth, 10'000);
}

TEST(ReadBandwidth, BufferServesTeamsOfAnySize) {
  ThreadTeam two(2), three(3);
  absl::StatusOr<ReadBuffer> buffer = ReadBuffer::create(two, (size_t(1) << 20) + 63);
  ASSERT_TRUE(buffer.ok()) << buffer.status();
  EXPECT_EQ(buffer->bytes(), size_t(1) << 20);
  EXPECT_EQ(buffer->threads(), 2u);
  ReadBuffer moved = *std::move(buffer);
  EXPECT_GT(moved.measure(three, 2).value_or(0), 0);
  EXPECT_GT(moved.measure(two, 1).value_or(0), 0);
  EXPECT_EQ(moved.measure(two, 0).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(ReadBandwidth, RangesOfOthersMemory) {
  ThreadTeam team(2);
  std::vector<uint64_t> words((size_t(32) << 20) / sizeof(uint64_t), 1);
  const std::span<const uint64_t> all = words, half = all.first(all.size() / 2);
  auto measure = [&](std::vector<std::span<const uint64_t>> ranges) {
    return measureReadBandwidth(team, ranges, 0.01);
  };
  EXPECT_GT(measure({all}), 0);
  EXPECT_GT(measure({half, {}, half, half}), 0);
  EXPECT_EQ(measure({half}), 0);
  EXPECT_EQ(measure({}), 0);
}

TEST(ReadBandwidth, MoreThreadsThanLines) {
  ThreadTeam team(4);
  EXPECT_TRUE(measureReadBandwidth(team, {.bytes = 64, .repeats = 1}).ok());
}

TEST(ReadBandwidth, RefusesImpossibleOptions) {
  ThreadTeam team(1);
  EXPECT_EQ(measureReadBandwidth(team, {.bytes = 63, .repeats = 1}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(measureReadBandwidth(team, {.bytes = 64, .repeats = 0}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(measureReadBandwidth(team, {.bytes = size_t(1) << 60, .repeats = 1}).status().code(),
            absl::StatusCode::kResourceExhausted);
}

} // namespace
} // namespace llmc
