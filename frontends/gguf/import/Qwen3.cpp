// Architecture `qwen3`: Qwen 3.
#include "frontends/gguf/import/Architectures.h"

namespace llmc {
namespace {

void configure(ParameterReader &, ModelParameters &p) { p.ropeHalves = true; }

std::vector<LayerTensor> tensors(const ModelParameters &p) {
  std::vector<LayerTensor> all = kLlama.tensors(p);
  addHeadNormTensors(p, all);
  return all;
}

} // namespace

// Llama's layer with norms of the heads of queries and keys, and other pairs of the rotation.
const Architecture kQwen3 = {"qwen3", configure, tensors, kLlama.block, /*trains=*/true};

} // namespace llmc
