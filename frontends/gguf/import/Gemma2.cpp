// Architecture `gemma2`: Gemma 2.
#include "frontends/gguf/import/Architectures.h"
#include <cmath>

using namespace mlir;

namespace llmc {
namespace {

void configure(ParameterReader &r, ModelParameters &p) {
  p.ropeHalves = true;
  p.embeddingScale = std::sqrt(float(p.width));
  p.attentionSoftcap = r.number("attn_logit_softcapping", 50);
  p.outputSoftcap = r.number("final_logit_softcapping", 30);
  p.alternateWindow(r.window() ? r.window() : 4096,
                    r.count("attention.sliding_window_pattern", 4096, 2));
  // The model of 27 billion weights, which is known by its layers.
  constexpr int64_t kLayersOf27B = 46;
  if (p.layers == kLayersOf27B)
    p.attentionScale = 1 / std::sqrt(double(p.width) / double(p.heads));
}

std::vector<LayerTensor> tensors(const ModelParameters &p) {
  std::vector<LayerTensor> all;
  for (const char *norm : {"attn_norm.weight", "post_attention_norm.weight", "ffn_norm.weight",
                           "post_ffw_norm.weight"})
    all.push_back({norm, p.width, 0, true});
  addAttentionTensors(p, all);
  addGatedTensors(p, all);
  return all;
}

// Attention and feed-forward have a norm before and one after, and gelu for a gate.
Value block(BlockBuilder &b, Value hidden) {
  Value y = b.attention(b.rmsNorm("attn_norm", hidden));
  hidden = b.add(hidden, b.rmsNorm("post_attention_norm", y));

  Value x = b.rmsNorm("ffn_norm", hidden);
  Value gate = b.linear("ffn_gate", x), up = b.linear("ffn_up", x);
  y = b.linear("ffn_down", b.geglu(gate, up));
  return b.add(hidden, b.rmsNorm("post_ffw_norm", y));
}

} // namespace

const Architecture kGemma2 = {"gemma2", configure, tensors, block, /*trains=*/false};

} // namespace llmc
