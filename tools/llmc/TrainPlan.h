// llmc train --plan: what a run would take.
#ifndef LLMC_TOOLS_LLMC_TRAINPLAN_H
#define LLMC_TOOLS_LLMC_TRAINPLAN_H

#include "absl/status/status.h"
#include "tools/llmc/TrainingSetup.h"

namespace llmc::cli {

// Loads the model for the config's batches, and for half and double of context and batch, does a
// step of each, and prints what they took. Writes nothing.
absl::Status printTrainPlan(TrainingSetup &setup);

} // namespace llmc::cli

#endif
