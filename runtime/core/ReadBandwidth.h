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

/// How fast the team reads memory, in 1e9 bytes per second: each thread sums its part of one buffer
/// once per repeat; the result is the median over the repeats. This is the ceiling that reading a
/// model's weights once per token is compared with. InvalidArgument for options of 0,
/// ResourceExhausted if there is no memory for the buffer.
absl::StatusOr<double> measureReadBandwidth(ThreadTeam &team,
                                            const ReadBandwidthOptions &options = {});

/// The sum of all words modulo 2^64; what measureReadBandwidth() spends its time on.
uint64_t sumOfWords(std::span<const uint64_t> words);

} // namespace llmc

#endif // LLMC_RUNTIME_CORE_READBANDWIDTH_H
