// A look at what an adapter does to the text that a model writes.
#ifndef LLMC_TOOLS_LLMC_TRAINSAMPLE_H
#define LLMC_TOOLS_LLMC_TRAINSAMPLE_H

#include "absl/status/statusor.h"
#include "tools/llmc/TrainReport.h"
#include "tools/llmc/TrainingSetup.h"

namespace llmc::cli {

// Takes the start of a held-back sample (of a trained one, where none is held back) and lets the
// model go on with the likeliest tokens: without the adapter, and with the one in output_dir.
absl::StatusOr<TrainSamples> greedySamples(const TrainingSetup &setup);

} // namespace llmc::cli

#endif
