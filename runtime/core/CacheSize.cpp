#include "runtime/core/CacheSize.h"

#include <algorithm>
#include <fstream>
#include <unistd.h>

namespace llmc {

std::vector<CacheLevel> dataCaches(const std::string &sysCacheDirectory) {
  std::vector<CacheLevel> caches;
  for (int index = 0;; ++index) {
    const std::string folder = sysCacheDirectory + "/index" + std::to_string(index) + "/";
    unsigned level = 0;
    uint64_t kibibytes = 0; // the file has "2048K"
    std::string type;
    if (!(std::ifstream(folder + "level") >> level))
      break;
    std::ifstream(folder + "type") >> type;
    std::ifstream(folder + "size") >> kibibytes;
    if (type != "Instruction" && kibibytes > 0)
      caches.push_back({level, kibibytes * 1024});
  }
  std::ranges::sort(caches, {}, &CacheLevel::level);
  return caches;
}

uint64_t lastLevelCacheBytes() {
  long bytes = 0;
#ifdef _SC_LEVEL3_CACHE_SIZE
  bytes = std::max({sysconf(_SC_LEVEL4_CACHE_SIZE), sysconf(_SC_LEVEL3_CACHE_SIZE),
                    sysconf(_SC_LEVEL2_CACHE_SIZE)});
#endif
  if (bytes > 0)
    return static_cast<uint64_t>(bytes);
  // AArch64 does not report through the C library.
  const std::vector<CacheLevel> caches = dataCaches();
  return caches.empty() ? 0 : caches.back().bytes;
}

} // namespace llmc
