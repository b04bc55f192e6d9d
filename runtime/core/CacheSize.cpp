#include "runtime/core/CacheSize.h"

#include <algorithm>
#include <unistd.h>

namespace llmc {

uint64_t lastLevelCacheBytes() {
  long bytes = 0;
#ifdef _SC_LEVEL3_CACHE_SIZE
  bytes = std::max({sysconf(_SC_LEVEL4_CACHE_SIZE), sysconf(_SC_LEVEL3_CACHE_SIZE),
                    sysconf(_SC_LEVEL2_CACHE_SIZE)});
#endif
  return bytes > 0 ? static_cast<uint64_t>(bytes) : 0;
}

} // namespace llmc
