// What is asked of the phases of compilation. Knows nothing of MLIR, so that the command line can.
#ifndef LLMC_COMPILER_PIPELINE_PHASEOPTIONS_H
#define LLMC_COMPILER_PIPELINE_PHASEOPTIONS_H

#include <cstdint>

namespace llmc {

struct PhaseOptions {
  // Whether the program sums the squares of what its weights multiply, for an importance matrix:
  // not at all, in the blocks, or everywhere.
  enum class Importance { None, Blocks, All } importance = Importance::None;

  // Of programs for training: whether blocks keep their input only and compute all else again in
  // the backward pass; how many bytes of results they keep if not, 0 being any number; and for how
  // many tokens a step, which is what those bytes are counted for.
  bool gradientCheckpointing = true;
  int64_t memoryBudget = 0;
  int64_t stepTokens = 1;
  // And how products with frozen weights are computed: in f32, or in what this CPU is fastest at.
  enum class Compute { Auto, F32 } compute = Compute::Auto;
};

} // namespace llmc

#endif
