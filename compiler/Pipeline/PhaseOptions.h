// What is asked of the phases of compilation. Knows nothing of MLIR, so that the command line can.
#ifndef LLMC_COMPILER_PIPELINE_PHASEOPTIONS_H
#define LLMC_COMPILER_PIPELINE_PHASEOPTIONS_H

namespace llmc {

struct PhaseOptions {
  // Whether the program sums the squares of what its weights multiply, for an importance matrix:
  // not at all, in the blocks, or everywhere.
  enum class Importance { None, Blocks, All } importance = Importance::None;
};

} // namespace llmc

#endif
