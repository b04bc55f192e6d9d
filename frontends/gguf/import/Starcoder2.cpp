// Architecture `starcoder2`: StarCoder2.
#include "frontends/gguf/import/Architectures.h"

using namespace mlir;

namespace llmc {
namespace {

void configure(ParameterReader &r, ModelParameters &p) {
  p.normEps = r.number("attention.layer_norm_epsilon", 1e-5);
  p.layerNorm = true;
  p.ropeHalves = true;
}

std::vector<LayerTensor> tensors(const ModelParameters &p) {
  std::vector<LayerTensor> all;
  for (const char *vector :
       {"attn_norm.weight", "attn_norm.bias", "ffn_norm.weight", "ffn_norm.bias", "ffn_down.bias"})
    all.push_back({vector, p.width, 0, true});
  addAttentionTensors(p, all);
  all.push_back({"ffn_up.weight", p.feedForward, p.width, true});
  all.push_back({"ffn_up.bias", p.feedForward, 0, true});
  all.push_back({"ffn_down.weight", p.width, p.feedForward, true});
  return all;
}

Value block(BlockBuilder &b, Value hidden) {
  hidden = b.attention(b.layerNorm("attn_norm", hidden), hidden);
  Value x = b.layerNorm("ffn_norm", hidden);
  return b.linear("ffn_down", b.gelu(b.linear("ffn_up", x)), hidden);
}

} // namespace

const Architecture kStarcoder2 = {"starcoder2", configure, tensors, block, /*trains=*/false};

} // namespace llmc
