// The file of a model that has learned nothing yet.
#ifndef LLMC_FRONTENDS_SCRATCH_INITIALMODEL_H
#define LLMC_FRONTENDS_SCRATCH_INITIALMODEL_H

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "frontends/gguf/file/GgufWriter.h"
#include "frontends/lora/config/TrainConfig.h"
#include <cstdint>
#include <string>

namespace llmc::scratch {

// A description with every number, none of them 0.
struct ModelShape {
  int64_t vocabulary, width, layers, heads, keyValueHeads, headSize, feedForward, context;

  // Numbers of the model, with an output matrix of its own or without.
  uint64_t parameters(bool tied) const;
};

// The config's shape with `vocabulary` tokens. Errors name the key and what it can be: heads that
// do not divide the width, an odd head size, a context shorter than max_seq_length.
absl::StatusOr<ModelShape> shapeOf(const lora::TrainConfig &config, int64_t vocabulary);

// Writes a GGUF of f32 tensors, complete as llama.cpp reads it. Weights are normally distributed
// with scratch.initializer_range, those of the products that add to the residual stream
// (attn_output, ffn_down) with that / sqrt(2 layers) (Radford et al. 2019); norms are 1. They
// follow from config.seed and the tensors' names. `setTokenizer` sets tokenizer.*; `description` is
// kept under kDescriptionKey. The file appears whole or not at all.
constexpr absl::string_view kDescriptionKey = "llmc.scratch";
absl::Status
writeInitialModel(const lora::TrainConfig &config, const ModelShape &shape,
                  absl::string_view description,
                  absl::FunctionRef<absl::Status(gguf::GgufWriter &writer)> setTokenizer,
                  const std::string &path);

} // namespace llmc::scratch

#endif
