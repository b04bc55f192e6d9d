#ifndef LLMC_RUNTIME_CORE_CPUCOUNT_H
#define LLMC_RUNTIME_CORE_CPUCOUNT_H

#include <span>
#include <string>

namespace llmc {

/// Number of distinct physical cores behind the logical CPUs `cpus`, read from
/// `<sysCpuDirectory>/cpuN/topology/thread_siblings_list`. A CPU without that file counts as a core
/// of its own.
unsigned countPhysicalCores(std::span<const unsigned> cpus,
                            const std::string &sysCpuDirectory = "/sys/devices/system/cpu");

/// Physical cores this process may run on (its affinity mask with hyper-thread siblings merged);
/// at least 1. A second hyper-thread shares the load ports that matrix kernels saturate, so it only
/// makes the barriers slower.
unsigned availableCores();

/// Logical CPUs this process may run on; at least 1.
unsigned availableCpus();

} // namespace llmc

#endif // LLMC_RUNTIME_CORE_CPUCOUNT_H
