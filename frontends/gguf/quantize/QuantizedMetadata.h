// The metadata of a quantized model.
#ifndef LLMC_FRONTENDS_GGUF_QUANTIZE_QUANTIZEDMETADATA_H
#define LLMC_FRONTENDS_GGUF_QUANTIZE_QUANTIZEDMETADATA_H

#include "absl/status/status.h"
#include "frontends/gguf/file/GgufWriter.h"
#include "frontends/gguf/quantize/QuantizationPlan.h"

namespace llmc::quantize {

// Sets the source's metadata, but for what describes its container, then what quantizing changes,
// then the plan's overrides. `importance` may be nullptr. Errors name the file that is written.
absl::Status writeMetadata(gguf::GgufWriter &writer, const gguf::GgufFile &source,
                           const QuantizationPlan &plan, const ImportanceMatrix *importance);

// Sets what says that a file is part `part`, from 0, of `parts` that have `tensors` tensors
// together.
absl::Status writeSplitMetadata(gguf::GgufWriter &writer, unsigned part, unsigned parts,
                                size_t tensors);

} // namespace llmc::quantize

#endif
