// Quantizing a GGUF file to another.
#ifndef LLMC_FRONTENDS_GGUF_QUANTIZE_QUANTIZER_H
#define LLMC_FRONTENDS_GGUF_QUANTIZE_QUANTIZER_H

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "frontends/gguf/quantize/QuantizationPlan.h"
#include "runtime/core/ThreadTeam.h"
#include <cstdint>
#include <string>

namespace llmc::quantize {

// How many files the plan makes of `source`, and the name of each, counted from 0, for an output
// called `path`: `path` itself, or PREFIX-0000K-of-0000N.gguf where the parts of a split are kept,
// PREFIX being `path` without `.gguf`.
unsigned outputParts(const gguf::GgufFile &source, const QuantizationPlan &plan);
std::string outputPath(const gguf::GgufFile &source, const QuantizationPlan &plan,
                       const std::string &path, unsigned part);

// Writes the files that `plan`, made of `source`, describes. They appear under their names when all
// are complete. Metadata is the source's, with general.file_type, general.quantization_version,
// where an importance matrix was used quantize.imatrix.*, and the plan's overrides.
//
// `progress` hears how many source bytes are done and may end the work with an error.
// `importance` is what the plan was made with, or nullptr. Errors name the file and the tensor;
// InvalidArgument when an output is the source itself or the plan lacks importance.
absl::Status quantizeFile(const gguf::GgufFile &source, const QuantizationPlan &plan,
                          const ImportanceMatrix *importance, const std::string &path,
                          ThreadTeam &team,
                          absl::FunctionRef<absl::Status(uint64_t sourceBytes)> progress);

} // namespace llmc::quantize

#endif
