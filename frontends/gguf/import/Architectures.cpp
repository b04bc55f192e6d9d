#include "frontends/gguf/import/Architectures.h"

namespace llmc {

llvm::ArrayRef<Architecture> architectures() {
  static const Architecture kArchitectures[] = {kLlama, kQwen2,  kQwen3,  kQwen3Moe,  kGptNeox,
                                                kPhi3,  kGemma2, kGemma3, kStarcoder2};
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

void addHeadNormTensors(const ModelParameters &p, std::vector<LayerTensor> &tensors) {
  tensors.push_back({"attn_q_norm.weight", p.keyLength, 0, true});
  tensors.push_back({"attn_k_norm.weight", p.keyLength, 0, true});
}

void addJointAttentionTensors(const ModelParameters &p, bool biased,
                              std::vector<LayerTensor> &tensors) {
  const int64_t keys = p.queries(), values = keys + p.keys(), all = values + p.values();
  for (auto [weight, bias, rows, first] :
       {std::tuple("attn_q.weight", "attn_q.bias", p.queries(), int64_t(0)),
        {"attn_k.weight", "attn_k.bias", p.keys(), keys},
        {"attn_v.weight", "attn_v.bias", p.values(), values}}) {
    tensors.push_back({weight, rows, p.width, true, "attn_qkv.weight", all, first});
    tensors.push_back({bias, rows, 0, biased, "attn_qkv.bias", all, first});
  }
  tensors.push_back({"attn_output.weight", p.width, p.attended(), true});
  tensors.push_back({"attn_output.bias", p.width, 0, biased});
}

void addPlainTensors(const ModelParameters &p, std::vector<LayerTensor> &tensors) {
  for (const char *vector :
       {"attn_norm.weight", "attn_norm.bias", "ffn_norm.weight", "ffn_norm.bias", "ffn_down.bias"})
    tensors.push_back({vector, p.width, 0, true});
  tensors.push_back({"ffn_up.weight", p.feedForward, p.width, true});
  tensors.push_back({"ffn_up.bias", p.feedForward, 0, true});
  tensors.push_back({"ffn_down.weight", p.width, p.feedForward, true});
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
