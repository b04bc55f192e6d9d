#include "frontends/gguf/import/Architectures.h"

namespace llmc {

llvm::ArrayRef<Architecture> architectures() {
  static const Architecture kArchitectures[] = {kLlama};
  return kArchitectures;
}

void addAttentionTensors(const ModelParameters &p, std::vector<LayerTensor> &tensors) {
  tensors.insert(tensors.end(), {
                                    {"attn_q.weight", p.queries(), p.width, true},
                                    {"attn_k.weight", p.keys(), p.width, true},
                                    {"attn_v.weight", p.values(), p.width, true},
                                    {"attn_output.weight", p.width, p.attended(), true},
                                    {"attn_q.bias", p.queries(), 0, false},
                                    {"attn_k.bias", p.keys(), 0, false},
                                    {"attn_v.bias", p.values(), 0, false},
                                    {"attn_output.bias", p.width, 0, false},
                                });
}

void addGatedTensors(const ModelParameters &p, std::vector<LayerTensor> &tensors) {
  tensors.insert(tensors.end(), {
                                    {"ffn_gate.weight", p.feedForward, p.width, true},
                                    {"ffn_up.weight", p.feedForward, p.width, true},
                                    {"ffn_down.weight", p.width, p.feedForward, true},
                                    {"ffn_gate.bias", p.feedForward, 0, false},
                                    {"ffn_up.bias", p.feedForward, 0, false},
                                    {"ffn_down.bias", p.width, 0, false},
                                });
}

} // namespace llmc
