// Architecture `llama`: Llama 1 to 3, CodeLlama, Mistral, Mixtral, TinyLlama, OpenLLaMA, Vicuna.
#include "frontends/gguf/import/Architectures.h"
#include "frontends/gguf/import/Experts.h"

using namespace mlir;

namespace llmc {
namespace {

void configure(ParameterReader &r, ModelParameters &p) {
  readExperts(r, p);
  p.attentionKinds[0].window = r.window();
}

std::vector<LayerTensor> tensors(const ModelParameters &p) {
  std::vector<LayerTensor> all = {{"attn_norm.weight", p.width, 0, true},
                                  {"ffn_norm.weight", p.width, 0, true}};
  addAttentionTensors(p, all);
  if (p.experts.count)
    addExpertTensors(p, all);
  else
    addGatedTensors(p, all);
  return all;
}

// Attention and feed-forward, each with a norm before and the residual added after.
Value block(BlockBuilder &b, Value hidden) {
  hidden = b.attention(b.rmsNorm("attn_norm", hidden), hidden);
  Value x = b.rmsNorm("ffn_norm", hidden);
  if (b.p.experts.count)
    return b.add(hidden, expertFeedForward(b, x));
  Value gate = b.linear("ffn_gate", x), up = b.linear("ffn_up", x);
  return b.linear("ffn_down", b.swiglu(gate, up), hidden);
}

} // namespace

const Architecture kLlama = {"llama", configure, tensors, block, /*trains=*/true};

} // namespace llmc
