// Adapters as GGUF files, as llama.cpp reads them: general.type = "adapter", adapter.type = "lora",
// adapter.lora.alpha, and for each weight NAME the tensors NAME.lora_a (rank rows of the weight's
// columns) and NAME.lora_b (the weight's rows of rank columns). Of a table (token_embd) lora_a is
// transposed: a row of rank values for each token.
#ifndef LLMC_FRONTENDS_LORA_ADAPTER_GGUFADAPTER_H
#define LLMC_FRONTENDS_LORA_ADAPTER_GGUFADAPTER_H

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "frontends/lora/adapter/Adapter.h"
#include "runtime/core/FloatTypes.h"
#include <string>

namespace llmc::lora {

// Without the checks against `base` that readAdapter() adds. Tensors of any block
// format; there are files of F32, F16, BF16 and Q8_0.
absl::StatusOr<Adapter> readGgufAdapter(const std::string &path, const BaseModel &base);

// The file appears under its name whole or not at all. It has room for one alpha only: where
// scale() * rank differs from the first matrix's, B is multiplied by the quotient. InvalidArgument
// when a value does not fit into `type`, or when checkAdapter() fails.
absl::Status writeGgufAdapter(const Adapter &adapter, const BaseModel &base,
                              const std::string &path, FloatType type = FloatType::F32);

} // namespace llmc::lora

#endif
