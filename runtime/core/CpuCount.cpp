#include "runtime/core/CpuCount.h"

#include <algorithm>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#ifdef __linux__
#include <cerrno>
#include <sched.h>
#endif

namespace llmc {
namespace {

std::vector<unsigned> allowedCpus() {
  std::vector<unsigned> cpus;
#ifdef __linux__
  // The kernel refuses a mask smaller than its own with EINVAL, so grow until it fits.
  for (int capacity = 1024; capacity <= (1 << 20); capacity *= 2) {
    cpu_set_t *set = CPU_ALLOC(capacity);
    if (set == nullptr)
      break;
    const size_t bytes = CPU_ALLOC_SIZE(capacity);
    CPU_ZERO_S(bytes, set);
    const bool read = sched_getaffinity(0, bytes, set) == 0;
    const bool tooSmall = !read && errno == EINVAL;
    if (read)
      for (int cpu = 0; cpu < capacity; ++cpu)
        if (CPU_ISSET_S(cpu, bytes, set))
          cpus.push_back(static_cast<unsigned>(cpu));
    CPU_FREE(set);
    if (!tooSmall)
      break;
  }
#endif
  if (cpus.empty())
    for (unsigned cpu = 0, n = std::max(1u, std::thread::hardware_concurrency()); cpu < n; ++cpu)
      cpus.push_back(cpu);
  return cpus;
}

} // namespace

unsigned countPhysicalCores(std::span<const unsigned> cpus, const std::string &sysCpuDirectory) {
  // Siblings print the same list, so the list itself names the core.
  std::set<std::string> cores;
  for (unsigned cpu : cpus) {
    const std::string name = "cpu" + std::to_string(cpu);
    std::ifstream file(sysCpuDirectory + "/" + name + "/topology/thread_siblings_list");
    std::string siblings;
    if (!std::getline(file, siblings) || siblings.empty())
      siblings = name;
    cores.insert(siblings);
  }
  return static_cast<unsigned>(cores.size());
}

unsigned availableCores() { return std::max(1u, countPhysicalCores(allowedCpus())); }

unsigned availableCpus() { return static_cast<unsigned>(allowedCpus().size()); }

} // namespace llmc
