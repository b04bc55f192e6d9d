// Architecture `qwen3moe`: mixtures of experts of Qwen 3.
#include "frontends/gguf/import/Architectures.h"
#include "frontends/gguf/import/Experts.h"

namespace llmc {
namespace {

void configure(ParameterReader &r, ModelParameters &p) {
  readExperts(r, p);
  if (!p.experts.count)
    r.fail("expert_count", "is missing or 0, and this architecture is a mixture of experts");
  p.ropeHalves = true;
}

// At the call, because kQwen3 may be initialized after what is below.
std::vector<LayerTensor> tensors(const ModelParameters &p) { return kQwen3.tensors(p); }

} // namespace

// Qwen 3's attention, Mixtral's feed-forward.
const Architecture kQwen3Moe = {"qwen3moe", configure, tensors, kLlama.block, /*trains=*/false};

} // namespace llmc
