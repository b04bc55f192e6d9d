// How fast this machine multiplies when nothing has to be waited for.
#ifndef LLMC_COMPILER_PHASEDUMP_INSTRUCTIONPEAK_H
#define LLMC_COMPILER_PHASEDUMP_INSTRUCTIONPEAK_H

#include "absl/status/statusor.h"
#include "compiler/PhaseDump/KernelCost.h"
#include "compiler/Target/TargetDescription.h"
#include "runtime/core/ThreadTeam.h"
#include <vector>

namespace llmc {

struct InstructionPeak {
  Arithmetic arithmetic;
  double multiplyAddsPerSecond; // of the whole team
};

// Measures each arithmetic that code for `target` has: the instructions that kernels use, with all
// operands in registers, in as many independent sums as fit there; of each thread the best of some
// short runs. The target's code must run here.
absl::StatusOr<std::vector<InstructionPeak>>
measureInstructionPeaks(const TargetDescription &target, ThreadTeam &team);

} // namespace llmc

#endif
