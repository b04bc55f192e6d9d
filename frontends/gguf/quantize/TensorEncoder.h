// Encoding a whole tensor, in parallel and in slices.
#ifndef LLMC_FRONTENDS_GGUF_QUANTIZE_TENSORENCODER_H
#define LLMC_FRONTENDS_GGUF_QUANTIZE_TENSORENCODER_H

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "dialects/llm/Formats/BlockFormats.h"
#include "frontends/gguf/file/GgufFile.h"
#include "frontends/gguf/quantize/QuantizationPlan.h"
#include "runtime/core/ThreadTeam.h"
#include <cstdint>
#include <span>
#include <string>

namespace llmc::quantize {

// Encodes `tensor`, which must have a block format, to `format`, of whose blocks its rows are
// multiples. `take` gets the new bytes slice by slice, in order; it runs on the calling thread
// while the team encodes the next slice, and its error ends the work. Memory: two slices of a few
// million weights, whatever the tensor's size, and a row for each thread.
//
// `change`, unless it is empty, is applied to each row first.
// `importance` is empty or holds one factor for each column of each matrix of the tensor.
// Errors: InvalidArgument, naming `file` and the tensor, for weights that are NaN or infinite or
// too large for the format.
absl::Status encodeTensor(const gguf::TensorInfo &tensor, const std::string &file,
                          const BlockFormat &format, std::span<const float> importance,
                          const RowChange &change, ThreadTeam &team,
                          absl::FunctionRef<absl::Status(std::span<const uint8_t>)> take);

} // namespace llmc::quantize

#endif
