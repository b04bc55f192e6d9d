// Times a shape with made-up weights.
#ifndef LLMC_TOOLS_LLMC_STEPTIMER_H
#define LLMC_TOOLS_LLMC_STEPTIMER_H

#include "absl/status/statusor.h"
#include "tools/llmc/SharedOptions.h"
#include <string>

namespace llmc::cli {

// Runs a prompt and then `steps` generated tokens from an empty context; two lines with the times.
absl::StatusOr<std::string> timeSteps(const ModelOptions &options, int64_t steps);

} // namespace llmc::cli

#endif
