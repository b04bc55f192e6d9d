// Adapters as PEFT directories: adapter_config.json and adapter_model.safetensors, whose tensors
// are "base_model.model." + Hugging Face's module + ".lora_A.weight" [rank, inputs] and
// ".lora_B.weight" [outputs, rank]; of the embedding ".lora_embedding_A" [rank, vocabulary] and
// ".lora_embedding_B" [width, rank]; with DoRA also ".lora_magnitude_vector" [outputs]. mlx-lm's adapters.safetensors (MODULE.lora_a [inputs, rank],
// MODULE.lora_b [rank, outputs]) are read, too.
//
// Hugging Face has the rows of q_proj and k_proj in another order than GGUF files of architecture
// `llama`; B's rows are reordered on the way in and out.
#ifndef LLMC_FRONTENDS_LORA_ADAPTER_PEFTADAPTER_H
#define LLMC_FRONTENDS_LORA_ADAPTER_PEFTADAPTER_H

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "frontends/lora/adapter/Adapter.h"
#include "runtime/core/FloatTypes.h"
#include "runtime/core/Safetensors.h"
#include <string>
#include <vector>

namespace llmc::lora {

// `path` is the directory or the .safetensors file in it. Without the checks against `base` that
// readAdapter() adds, but for the rows of q and k.
absl::StatusOr<Adapter> readPeftAdapter(const std::string &path, const BaseModel &base);

struct PeftOptions {
  FloatType type = FloatType::F32;
  bool useRslora = false; // say s = lora_alpha / sqrt(r), with lora_alpha such that s stays
  double dropout = 0;     // lora_dropout, for those who train on
};

// Makes the directory when it is not there; its parent must be. Each file appears whole or not at
// all, the config last.
absl::Status writePeftAdapter(const Adapter &adapter, const BaseModel &base,
                              const std::string &directory, const PeftOptions &options = {});

// A tensor that owns its values.
struct NamedFloats {
  std::string name;
  std::vector<uint64_t> shape;
  std::vector<float> values;
};

// `a`, `b` and DoRA's magnitude (an adapter's values, or their gradients, in AdapterMatrix's layout) under PEFT's
// names, shapes and order of rows. InvalidArgument for a weight that PEFT has no name for.
absl::StatusOr<std::vector<NamedFloats>> peftTensors(const AdapterMatrix &matrix,
                                                     const BaseModel &base);

} // namespace llmc::lora

#endif
