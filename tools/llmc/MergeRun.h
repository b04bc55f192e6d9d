// Merging adapters into a base: what `export-lora` and `eval` share.
#ifndef LLMC_TOOLS_LLMC_MERGERUN_H
#define LLMC_TOOLS_LLMC_MERGERUN_H

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "frontends/gguf/file/GgufFile.h"
#include "frontends/gguf/quantize/QuantizationPlan.h"
#include "frontends/lora/adapter/Combined.h"
#include <span>
#include <string>

namespace llmc::cli {

// Whether `type` is "keep" or a type of `llmc quantize`; else a wrong-usage error.
absl::Status checkMergeType(const std::string &type);

// The plan for quantizeWithProgress(). `importance` may be null and lives, like `base`, as long as
// the plan. Errors name the base or the adapter.
absl::StatusOr<quantize::QuantizationPlan>
planMergeOf(const gguf::GgufFile &base, std::span<const lora::AdapterChoice> adapters,
            const std::string &type, const quantize::ImportanceMatrix *importance);

} // namespace llmc::cli

#endif
