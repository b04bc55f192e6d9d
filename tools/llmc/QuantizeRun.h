// The work of `quantize` and `export-lora`, with a progress bar.
#ifndef LLMC_TOOLS_LLMC_QUANTIZERUN_H
#define LLMC_TOOLS_LLMC_QUANTIZERUN_H

#include "absl/status/statusor.h"
#include "frontends/gguf/quantize/Quantizer.h"
#include "runtime/core/ThreadTeam.h"
#include <string>

namespace llmc::cli {

// Writes what `plan` says to `output` and yields the seconds that it took. `title` stands before
// the bar; `importance` may be null. Cancelled by Ctrl-C, with no file left.
absl::StatusOr<double> quantizeWithProgress(const char *title, const gguf::GgufFile &source,
                                            const quantize::QuantizationPlan &plan,
                                            const quantize::ImportanceMatrix *importance,
                                            const std::string &output, ThreadTeam &team);

} // namespace llmc::cli

#endif
