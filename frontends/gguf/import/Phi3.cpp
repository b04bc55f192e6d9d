// Architecture `phi3`: Phi 3, 3.5 and 4.
#include "frontends/gguf/import/Architectures.h"

namespace llmc {
namespace {

void configure(ParameterReader &r, ModelParameters &p) {
  p.ropeHalves = true;
  // Which factors is chosen by the context, not by the position: cached keys stay as they are. Like
  // llama.cpp, all positions are seen, whatever attention.sliding_window says.
  p.ropeFactors = p.context > p.ropes[0].originalContext ? "rope_factors_long.weight"
                                                         : "rope_factors_short.weight";
}

// Query, key and value are one tensor, and so are gate and up.
std::vector<LayerTensor> tensors(const ModelParameters &p) {
  std::vector<LayerTensor> all = {
      {"attn_norm.weight", p.width, 0, true},
      {"ffn_norm.weight", p.width, 0, true},
      {"ffn_gate.weight", p.feedForward, p.width, true, "ffn_up.weight", 2 * p.feedForward, 0},
      {"ffn_up.weight", p.feedForward, p.width, true, "ffn_up.weight", 2 * p.feedForward,
       p.feedForward},
      {"ffn_down.weight", p.width, p.feedForward, true}};
  addJointAttentionTensors(p, /*biased=*/false, all);
  return all;
}

} // namespace

const Architecture kPhi3 = {"phi3", configure, tensors, kLlama.block, /*trains=*/true};

} // namespace llmc
