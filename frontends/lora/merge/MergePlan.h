// Merging adapters into a base: a plan for the quantizer in which some tensors change.
#ifndef LLMC_FRONTENDS_LORA_MERGE_MERGEPLAN_H
#define LLMC_FRONTENDS_LORA_MERGE_MERGEPLAN_H

#include "absl/status/statusor.h"
#include "frontends/gguf/quantize/QuantizationPlan.h"
#include "frontends/lora/adapter/Adapter.h"
#include <vector>

namespace llmc::lora {

// The plan for quantizeFile() that adds `matrices` (as readCombined() yields them, with scale() 1)
// to their weights. What the options and no adapter change is copied byte for byte: with the file
// type COPY all tensors keep their types. Options may ask for types that need not be larger than
// the base's, as with allowRequantize.
//
// A table whose adapter changes what is looked up may also serve as the output matrix; then the
// model gets an output matrix of its own, output.weight, that is the table without the adapter.
//
// The plan shares nothing with `matrices`; `base` and `importance` must outlive it. Errors are
// those of planQuantization().
absl::StatusOr<quantize::QuantizationPlan> planMerge(const gguf::GgufFile &base,
                                                     std::vector<AdapterMatrix> matrices,
                                                     quantize::QuantizationOptions options,
                                                     const quantize::ImportanceMatrix *importance);

} // namespace llmc::lora

#endif
