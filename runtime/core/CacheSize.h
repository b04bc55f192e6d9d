#ifndef LLMC_RUNTIME_CORE_CACHESIZE_H
#define LLMC_RUNTIME_CORE_CACHESIZE_H

#include <cstdint>
#include <string>
#include <vector>

namespace llmc {

struct CacheLevel {
  unsigned level; // 1 is the nearest
  uint64_t bytes;
};

/// The caches of data, or of data and code, of the first CPU, the nearest first, as the system
/// lists them in `<sysCacheDirectory>/indexN`; empty where it does not.
std::vector<CacheLevel>
dataCaches(const std::string &sysCacheDirectory = "/sys/devices/system/cpu/cpu0/cache");

/// Bytes of this machine's last-level cache as the CPU reports them, 0 if it does not. A virtual
/// machine may be told of a cache that it shares with others.
uint64_t lastLevelCacheBytes();

} // namespace llmc

#endif // LLMC_RUNTIME_CORE_CACHESIZE_H
