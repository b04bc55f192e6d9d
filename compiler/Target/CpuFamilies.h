// The families of CPUs that code is made for, and what LLVM knows of their members.
#ifndef LLMC_COMPILER_TARGET_CPUFAMILIES_H
#define LLMC_COMPILER_TARGET_CPUFAMILIES_H

#include "absl/strings/string_view.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include <memory>
#include <string>
#include <vector>

namespace llmc {

struct CpuFamily {
  const char *name;   // as llvm::Triple has it
  std::string triple; // of the system that code is made for
  // LLVM's names of the features that decide whether code runs, between commas. Others are hints
  // about speed.
  const char *instructionSets;
};

// Starts LLVM's back ends; cheap when done before.
void initializeLlvm();

// All families, that of this machine first.
const std::vector<CpuFamily> &cpuFamilies();

// What LLVM knows of a CPU, or, without a name, of the triple's CPUs in general. `features`, as
// "+avx2,-fma", come on top. Null where this LLVM has no such back end.
std::unique_ptr<llvm::MCSubtargetInfo> subtargetOf(absl::string_view triple, absl::string_view cpu,
                                                   absl::string_view features);

// The family that has a CPU of this name; null where there is none.
const CpuFamily *findCpuFamily(absl::string_view cpu);

// The names of its CPUs, sorted.
std::vector<std::string> cpuNames(const CpuFamily &family);

// Those of `features` (names between commas) that the CPU does not have.
std::vector<std::string> missingFeatures(const llvm::MCSubtargetInfo &subtarget,
                                         absl::string_view features);

// One line that says what could be meant by a name that is no CPU's.
std::string unknownCpu(absl::string_view cpu);

} // namespace llmc

#endif
