// llmc train --scratch: the model that is trained is made first.
#ifndef LLMC_TOOLS_LLMC_TRAINSCRATCH_H
#define LLMC_TOOLS_LLMC_TRAINSCRATCH_H

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "frontends/lora/config/TrainConfig.h"
#include "tools/llmc/TrainingSetup.h"
#include <memory>

namespace llmc::cli {

// Makes vocabulary and first weights, in output_dir or, of a plan, in a folder that lives as long
// as what is returned, and lets `config` train all of that model. Errors name the config's file.
absl::StatusOr<std::shared_ptr<void>> makeScratchModel(const TrainOptions &options,
                                                       lora::TrainConfig &config);

} // namespace llmc::cli

#endif
