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

} // namespace

// Qwen 3's attention, Mixtral's feed-forward.
const Architecture kQwen3Moe = {"qwen3moe", configure, kQwen3.tensors, kLlama.block,
                                /*trains=*/false};

} // namespace llmc
