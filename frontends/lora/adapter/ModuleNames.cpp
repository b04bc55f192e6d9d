#include "frontends/lora/adapter/ModuleNames.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include <algorithm>

namespace llmc::lora {
namespace {

constexpr Module kModules[] = {
    {"attn_q", "self_attn.q_proj", "q_proj", true, true},
    {"attn_k", "self_attn.k_proj", "k_proj", true, true},
    {"attn_v", "self_attn.v_proj", "v_proj", true, true},
    {"attn_output", "self_attn.o_proj", "o_proj", true, true},
    {"ffn_gate", "mlp.gate_proj", "gate_proj", true, true},
    {"ffn_up", "mlp.up_proj", "up_proj", true, true},
    {"ffn_down", "mlp.down_proj", "down_proj", true, true},
    {"token_embd", "model.embed_tokens", "embed_tokens", false, false},
    {"output", "lm_head", "lm_head", false, false},
};

constexpr absl::string_view kGgufLayer = "blk.", kPeftLayer = "model.layers.", kWeight = ".weight";

// Architectures whose conversion interleaves the rows of attn_q and attn_k.
constexpr absl::string_view kInterleaving[] = {"llama"};

// Takes "PREFIX<number>." off the front of `name`.
std::optional<uint32_t> consumeLayer(absl::string_view prefix, absl::string_view &name) {
  absl::string_view rest = name;
  if (!absl::ConsumePrefix(&rest, prefix))
    return std::nullopt;
  const size_t dot = rest.find('.');
  uint32_t layer;
  // The canonical spelling only: "+1" and "01" would be second names of one matrix.
  if (dot == rest.npos || !absl::SimpleAtoi(rest.substr(0, dot), &layer) ||
      absl::StrCat(layer) != rest.substr(0, dot))
    return std::nullopt;
  name = rest.substr(dot + 1);
  return layer;
}

std::optional<ModulePlace> place(absl::string_view name, absl::string_view layerPrefix,
                                 const char *Module::*spelling) {
  const std::optional<uint32_t> layer = consumeLayer(layerPrefix, name);
  for (const Module &module : kModules)
    if (module.inLayer == layer.has_value() && name == module.*spelling)
      return ModulePlace{&module, layer.value_or(0)};
  return std::nullopt;
}

} // namespace

std::span<const Module> modules() { return kModules; }

const Module *findModule(absl::string_view name) {
  absl::ConsumeSuffix(&name, kWeight);
  for (const Module &module : kModules)
    if (name == module.gguf || name == module.peft || name == module.peftTarget)
      return &module;
  return nullptr;
}

std::string moduleNames() {
  std::string names;
  for (const Module &module : kModules)
    absl::StrAppend(&names, names.empty() ? "" : ", ", module.gguf);
  return names;
}

std::string ModulePlace::ggufName() const {
  return module->inLayer ? absl::StrCat(kGgufLayer, layer, ".", module->gguf, kWeight)
                         : absl::StrCat(module->gguf, kWeight);
}

std::string ModulePlace::peftName() const {
  return module->inLayer ? absl::StrCat(kPeftLayer, layer, ".", module->peft) : module->peft;
}

std::optional<ModulePlace> placeOfGguf(absl::string_view tensor) {
  if (!absl::ConsumeSuffix(&tensor, kWeight))
    return std::nullopt;
  return place(tensor, kGgufLayer, &Module::gguf);
}

std::optional<ModulePlace> placeOfPeft(absl::string_view module) {
  return place(module, kPeftLayer, &Module::peft);
}

uint32_t interleavedHeads(const BaseModel &base, const ModulePlace &place) {
  if (std::ranges::find(kInterleaving, base.architecture()) == std::end(kInterleaving) ||
      place.layer >= base.layers())
    return 0;
  const absl::string_view name = place.module->gguf;
  return name == "attn_q"   ? base.heads(place.layer)
         : name == "attn_k" ? base.kvHeads(place.layer)
                            : 0;
}

std::vector<float> reorderRows(std::span<const float> matrix, uint64_t columns, uint32_t heads,
                               RowOrder wanted) {
  const uint64_t rows = matrix.size() / columns, perHead = rows / heads, half = perHead / 2;
  std::vector<float> out(matrix.size());
  for (uint64_t row = 0; row < rows; ++row) {
    const uint64_t head = row / perHead, p = row % perHead / half, i = row % half;
    // `row` counts in Hugging Face's order.
    const uint64_t other = head * perHead + 2 * i + p;
    const uint64_t from = wanted == RowOrder::Gguf ? row : other;
    const uint64_t to = wanted == RowOrder::Gguf ? other : row;
    std::copy_n(matrix.data() + from * columns, columns, out.data() + to * columns);
  }
  return out;
}

} // namespace llmc::lora
