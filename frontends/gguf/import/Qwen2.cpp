// Architecture `qwen2`: Qwen 1.5, 2 and 2.5.
#include "frontends/gguf/import/Architectures.h"

namespace llmc {
namespace {

void configure(ParameterReader &, ModelParameters &p) { p.ropeHalves = true; }

} // namespace

// Llama's layer with biases of q, k and v, and other pairs of the rotation.
const Architecture kQwen2 = {"qwen2", configure, kLlama.tensors, kLlama.block, /*trains=*/true};

} // namespace llmc
