#ifndef LLMC_RUNTIME_CORE_READBANDWIDTH_H
#define LLMC_RUNTIME_CORE_READBANDWIDTH_H

#include "runtime/core/ThreadTeam.h"

#include "absl/status/statusor.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace llmc {

struct ReadBandwidthOptions {
  /// Size of the buffer that is read. It must be far beyond the last-level cache that this process
  /// really gets, else the cache is measured.
  size_t bytes = size_t(512) << 20;
  unsigned repeats = 5;
};

/// Memory that is read to see how fast that goes. It is kept between measurements, because taking
/// it from the system takes longer than reading it.
class ReadBuffer {
public:
  /// Each thread takes the part that it will read, so that its pages lie near it. InvalidArgument
  /// for less than a line of 64 bytes, ResourceExhausted if there is no memory for the buffer.
  static absl::StatusOr<ReadBuffer> create(ThreadTeam &team, size_t bytes);
  ReadBuffer(ReadBuffer &&other) noexcept;
  ReadBuffer &operator=(ReadBuffer &&other) noexcept;
  ~ReadBuffer();

  /// How fast a team of as many threads reads memory, in 1e9 bytes per second: each thread sums its
  /// part of the buffer once per repeat (at least 1); the result is the median over the repeats.
  /// This is the ceiling that reading a model's weights once per token is compared with.
  absl::StatusOr<double> measure(ThreadTeam &team, unsigned repeats) const;

  size_t bytes() const { return lines_ * kLineBytes; }
  unsigned threads() const { return threads_; }

private:
  static constexpr size_t kLineBytes = 64;
  ReadBuffer(uint64_t *words, size_t lines, unsigned threads)
      : words_(words), lines_(lines), threads_(threads) {}
  std::span<uint64_t> part(unsigned thread, unsigned threads) const;

  uint64_t *words_;
  size_t lines_;
  unsigned threads_;
};

/// ReadBuffer::measure() with a buffer for this one time. InvalidArgument for options of 0.
absl::StatusOr<double> measureReadBandwidth(ThreadTeam &team,
                                            const ReadBandwidthOptions &options = {});

/// The same with memory that is in use anyway: the team reads the ranges (each aligned to 8 bytes)
/// one after the other until `seconds` have passed; the median over slices of at least 32 MiB. 0 if
/// they are less than a slice together.
double measureReadBandwidth(ThreadTeam &team, std::span<const std::span<const uint64_t>> ranges,
                            double seconds);

/// The sum of all words modulo 2^64; what measurements spend its time on.
uint64_t sumOfWords(std::span<const uint64_t> words);

} // namespace llmc

#endif // LLMC_RUNTIME_CORE_READBANDWIDTH_H
