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

// Writes the file that `plan`, made of `source`, describes. It appears under `path` when it is
// complete. Metadata is the source's, with general.file_type, general.quantization_version and,
// where an importance matrix was used, quantize.imatrix.*; a split source becomes one file.
//
// `progress` hears how many source bytes are done and may end the work with an error.
// `importance` is what the plan was made with, or nullptr. Errors name the file and the tensor;
// InvalidArgument when `path` is the source itself or the plan lacks importance.
absl::Status quantizeFile(const gguf::GgufFile &source, const QuantizationPlan &plan,
                          const ImportanceMatrix *importance, const std::string &path,
                          ThreadTeam &team,
                          absl::FunctionRef<absl::Status(uint64_t sourceBytes)> progress);

} // namespace llmc::quantize

#endif
