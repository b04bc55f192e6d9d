// The names of a model's matrices in GGUF files and in Hugging Face's modules, and the order of
// rows that goes with them.
#ifndef LLMC_FRONTENDS_LORA_ADAPTER_MODULENAMES_H
#define LLMC_FRONTENDS_LORA_ADAPTER_MODULENAMES_H

#include "absl/strings/string_view.h"
#include "frontends/lora/adapter/BaseModel.h"
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace llmc::lora {

// A kind of matrix that adapters may be on.
struct Module {
  const char *gguf;       // "attn_q", "token_embd"
  const char *peft;       // "self_attn.q_proj", "model.embed_tokens": the path within a layer, or
                          // of the whole model
  const char *peftTarget; // "q_proj": what target_modules calls it
  bool inLayer;           // one for each layer
  bool linear;            // among "all-linear"
};

std::span<const Module> modules();
// By any of its names: "attn_q", "q_proj", "self_attn.q_proj", "attn_q.weight". nullptr when none.
const Module *findModule(absl::string_view name);
// "attn_q, attn_k, ...": for messages.
std::string moduleNames();

// A matrix: its module and its layer (0 for those that are not in layers).
struct ModulePlace {
  const Module *module;
  uint32_t layer;

  std::string ggufName() const; // "blk.3.attn_q.weight"
  std::string peftName() const; // "model.layers.3.self_attn.q_proj"
};

std::optional<ModulePlace> placeOfGguf(absl::string_view tensor);
std::optional<ModulePlace> placeOfPeft(absl::string_view module);

// The head count by which GGUF's conversion interleaved the rows of this matrix: row (h, i, p) of
// the GGUF is row (h, p, i) of Hugging Face, where p is 0 or 1. 0 when the rows are in the same
// order, as for all but attn_q and attn_k of architecture `llama`.
uint32_t interleavedHeads(const BaseModel &base, const ModulePlace &place);

// Reorders the rows of a matrix [rows][columns] from Hugging Face's order to GGUF's, or back.
// `rows` must be a multiple of 2 * heads.
enum class RowOrder { Gguf, HuggingFace };
std::vector<float> reorderRows(std::span<const float> matrix, uint64_t columns, uint32_t heads,
                               RowOrder wanted);

} // namespace llmc::lora

#endif
