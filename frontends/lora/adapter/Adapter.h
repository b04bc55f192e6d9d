// LoRA adapters in memory, independent of the file they came from.
//
// An adapted weight computes y = W x + s B (A x), s = alpha / rank ("LoRA", Hu et al. 2021, section
// 4.1); for the token embedding y = W[t] + s B A[t].
#ifndef LLMC_FRONTENDS_LORA_ADAPTER_ADAPTER_H
#define LLMC_FRONTENDS_LORA_ADAPTER_ADAPTER_H

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "frontends/lora/adapter/BaseModel.h"
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace llmc::lora {

// The pair of matrices that adapts one weight. Rows are in the GGUF's order, also where the file
// that was read has them in another.
struct AdapterMatrix {
  std::string weight; // the base's tensor, "blk.0.attn_q.weight"
  // Whether the weight is a table whose rows are looked up by token (token_embd).
  bool lookup = false;
  uint64_t rank = 0;
  uint64_t inputs = 0;  // K: columns of a matrix; rows of a table (the vocabulary)
  uint64_t outputs = 0; // N: rows of a matrix; columns of a table (the width)
  float alpha = 0;      // as if s = alpha / rank, also where the file says rsLoRA
  std::vector<float> a; // [rank][inputs]; of a table [inputs][rank]
  std::vector<float> b; // [outputs][rank]
  // DoRA (Liu et al. 2024): row n of W + s B A is scaled to the norm magnitude[n].
  bool dora = false;
  std::vector<float> magnitude; // [outputs]; empty without DoRA

  double scale() const { return alpha / static_cast<double>(rank); }
};

struct Adapter {
  std::string path;                    // of the file or directory, for messages
  std::string name;                    // general.name; may be empty
  std::string architecture;            // the base's, "llama"
  std::vector<AdapterMatrix> matrices; // one for each adapted weight, in the order of the base
  std::vector<std::string> ignored;    // tensors that were not read: norms, which llama.cpp ignores

  // nullptr when the weight is not adapted.
  const AdapterMatrix *find(absl::string_view weight) const;
};

// Reads a GGUF adapter, a PEFT directory (or its adapter_model.safetensors) or an mlx-lm directory,
// and checks that it is one for `base`: the architecture, each weight, each shape, finite values.
// Errors name the file, the tensor and what the base has instead.
absl::StatusOr<Adapter> readAdapter(const std::string &path, const BaseModel &base);

// What readAdapter() checks, for adapters made in memory. InvalidArgument names adapter.path.
absl::Status checkAdapter(const Adapter &adapter, const BaseModel &base);

// Puts the matrices in the order of the base's tensors.
void sortLikeBase(Adapter &adapter, const BaseModel &base);

// Adds row `row` of `scale` * B A to `weights`, a row of the base's tensor as GGUF has it: what a
// merge adds, with scale = user's scale * matrix.scale().
void addDelta(const AdapterMatrix &matrix, double scale, uint64_t row, std::span<float> weights);
// The root of the sum of squares, which is summed in f64.
double rowNorm(std::span<const float> weights);
// What a merge does to a row: that, and DoRA's scaling.
void mergeRow(const AdapterMatrix &matrix, double scale, uint64_t row, std::span<float> weights);

} // namespace llmc::lora

#endif
