// Architecture `gemma3`: Gemma 3, its text.
#include "frontends/gguf/import/Architectures.h"
#include <cmath>

namespace llmc {
namespace {

void configure(ParameterReader &r, ModelParameters &p) {
  p.ropeHalves = true;
  p.embeddingScale = std::sqrt(float(p.width));
  p.outputSoftcap = r.number("final_logit_softcapping", 0);
  // Five layers that see a window for one that sees all, each with angles of their own.
  p.alternateWindow(r.window(), r.count("attention.sliding_window_pattern", 4096, 6));
  p.ropes.push_back(p.ropes[0]);
  p.attentionKinds[1].rope = 1;
  RopeParameters local;
  local.dims = p.ropes[0].dims;
  local.base = r.number("rope.freq_base_swa", 10000);
  if (!(local.base > 0))
    r.fail("rope.freq_base_swa", "must be positive");
  p.ropes[0] = local;
  // The model of 27 billion weights, which is known by its layers.
  constexpr int64_t kLayersOf27B = 62;
  if (p.layers == kLayersOf27B)
    p.attentionScale = 1 / std::sqrt(double(p.width) / double(p.heads));
}

std::vector<LayerTensor> tensors(const ModelParameters &p) {
  std::vector<LayerTensor> all = kGemma2.tensors(p);
  addHeadNormTensors(p, all);
  return all;
}

} // namespace

// Gemma 2's layer with norms of the heads of queries and keys.
const Architecture kGemma3 = {"gemma3", configure, tensors, kGemma2.block, /*trains=*/true};

} // namespace llmc
