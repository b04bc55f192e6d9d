// Architecture `gptneox`: GPT-NeoX, Pythia, StableLM alpha, RedPajama-INCITE, Dolly 2.
#include "frontends/gguf/import/Architectures.h"

using namespace mlir;

namespace llmc {
namespace {

void configure(ParameterReader &r, ModelParameters &p) {
  p.normEps = r.number("attention.layer_norm_epsilon", 1e-5);
  p.parallelResidual = r.flag("use_parallel_residual", true);
  p.layerNorm = true;
  p.ropeHalves = true;
}

std::vector<LayerTensor> tensors(const ModelParameters &p) {
  std::vector<LayerTensor> all;
  addPlainTensors(p, all);
  addJointAttentionTensors(p, /*biased=*/true, all);
  return all;
}

Value block(BlockBuilder &b, Value hidden) {
  Value sum = b.attention(b.layerNorm("attn_norm", hidden), hidden);
  Value x = b.layerNorm("ffn_norm", b.p.parallelResidual ? hidden : sum);
  return b.linear("ffn_down", b.gelu(b.linear("ffn_up", x)), sum);
}

} // namespace

const Architecture kGptNeox = {"gptneox", configure, tensors, block, /*trains=*/true};

} // namespace llmc
