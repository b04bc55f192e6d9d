// Architecture `starcoder2`: StarCoder2.
#include "frontends/gguf/import/Architectures.h"

namespace llmc {
namespace {

void configure(ParameterReader &r, ModelParameters &p) {
  p.normEps = r.number("attention.layer_norm_epsilon", 1e-5);
  p.layerNorm = true;
  p.ropeHalves = true;
}

std::vector<LayerTensor> tensors(const ModelParameters &p) {
  std::vector<LayerTensor> all;
  addPlainTensors(p, all);
  addAttentionTensors(p, all);
  return all;
}

} // namespace

// GPT-NeoX's layer, one residual after the other.
const Architecture kStarcoder2 = {"starcoder2", configure, tensors, kGptNeox.block,
                                  /*trains=*/true};

} // namespace llmc
