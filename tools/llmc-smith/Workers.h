// Work on many seeds in processes of their own, so that one that crashes or hangs is a result, too.
#ifndef LLMC_TOOLS_LLMC_SMITH_WORKERS_H
#define LLMC_TOOLS_LLMC_SMITH_WORKERS_H

#include "absl/status/statusor.h"
#include <cstdint>
#include <functional>

namespace llmc::smith {

struct SeedRange {
  int64_t first, last; // inclusive
};

// Calls `check` for each seed, in `jobs` processes, and `died(seed, how)` in this one when a
// process ends with it. Yields how many seeds failed, which is for `check` to say. An error unless
// every seed came to its end. No thread may run yet.
absl::StatusOr<int64_t> forEachSeed(SeedRange seeds, int jobs,
                                    const std::function<bool(uint32_t)> &check,
                                    const std::function<void(uint32_t, const char *)> &died);

} // namespace llmc::smith

#endif
