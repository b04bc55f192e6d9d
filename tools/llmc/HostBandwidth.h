// How fast this machine reads memory, found out beside other work.
#ifndef LLMC_TOOLS_LLMC_HOSTBANDWIDTH_H
#define LLMC_TOOLS_LLMC_HOSTBANDWIDTH_H

#include "tools/llmc/Engine.h"
#include <optional>

namespace llmc::cli {

// GB/s of a plain read by the engine's threads. Weights that no cache holds are read themselves,
// which takes some 50 ms. Of others that would say nothing of memory: for them the largest value
// counts that was measured here before, which is kept in the user's cache folder for this CPU and
// number of threads, and once a day a buffer of its own is read. Nothing where there is no memory
// for that.
std::optional<double> hostReadBandwidth(Engine &engine);

// Whether the weights that a step reads fit the last-level cache.
bool fitsCaches(double bytesOfStep);

} // namespace llmc::cli

#endif
