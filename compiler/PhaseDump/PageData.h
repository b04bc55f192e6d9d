// All that the page of a dump shows.
#ifndef LLMC_COMPILER_PHASEDUMP_PAGEDATA_H
#define LLMC_COMPILER_PHASEDUMP_PAGEDATA_H

#include "absl/status/statusor.h"
#include "compiler/Driver/Remarks.h"
#include "compiler/PhaseDump/InstructionPeak.h"
#include "compiler/PhaseDump/KernelCost.h"
#include "compiler/PhaseDump/PhaseText.h"
#include "compiler/PhaseDump/ProgramGraph.h"

namespace llmc {

// What this machine can do with a team of threads.
struct MachineSpeed {
  unsigned threads = 0;
  double readBytesPerSecond = 0;      // of memory; 0 where it is not known
  std::vector<InstructionPeak> peaks; // none where the target's code does not run here
};

struct PageData {
  std::string title, target;
  uint64_t objectBytes = 0;
  // The source, then each phase in turn. The origins of each are lines of the one before it.
  std::vector<PhaseText> phases;

  // `phase` is a place in `phases`.
  struct Remark {
    PassRemark remark;
    unsigned phase;
    Lines lines;
  };
  std::vector<Remark> remarks;
  struct Graphs {
    unsigned phase;
    std::vector<ProgramGraph> functions;
  };
  std::vector<Graphs> graphs;
  struct Costs {
    unsigned phase = 0;
    CostSteps steps;
    std::vector<KernelCost> kernels;
  } costs;
  MachineSpeed speed;
};

// The data as one JSON document.
std::string pageJson(const PageData &data);

// The page: the files of the directory `page`, with the data in it.
absl::StatusOr<std::string> pageText(const PageData &data);

} // namespace llmc

#endif
