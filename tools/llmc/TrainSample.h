// A look at what training does to the text that a model writes.
#ifndef LLMC_TOOLS_LLMC_TRAINSAMPLE_H
#define LLMC_TOOLS_LLMC_TRAINSAMPLE_H

#include "absl/status/statusor.h"
#include "frontends/lora/train/Trainer.h"
#include "tools/llmc/TrainingSetup.h"

namespace llmc::cli {

// Takes the start of a held-back sample (of a trained one, where none is held back) and lets the
// model go on with the likeliest tokens: the base, and what was trained of it.
absl::StatusOr<lora::TextPair> greedySamples(const TrainingSetup &setup);

// Lets a model go on with each of config.samplePrompts, or with such a start when there are none.
// It is loaded anew each time, beside the one that is trained. `setup` lives at least as long.
lora::SampleWriter sampleWriter(const TrainingSetup &setup);

} // namespace llmc::cli

#endif
