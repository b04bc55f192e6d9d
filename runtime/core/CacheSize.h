#ifndef LLMC_RUNTIME_CORE_CACHESIZE_H
#define LLMC_RUNTIME_CORE_CACHESIZE_H

#include <cstdint>

namespace llmc {

/// Bytes of this machine's last-level cache as the CPU reports them, 0 if it does not. A virtual
/// machine may be told of a cache that it shares with others.
uint64_t lastLevelCacheBytes();

} // namespace llmc

#endif // LLMC_RUNTIME_CORE_CACHESIZE_H
