// The table of model architectures: what is particular to each of them.
#ifndef LLMC_FRONTENDS_GGUF_IMPORT_ARCHITECTURES_H
#define LLMC_FRONTENDS_GGUF_IMPORT_ARCHITECTURES_H

#include "frontends/gguf/import/BlockBuilder.h"
#include "frontends/gguf/import/ModelParameters.h"
#include "frontends/gguf/import/ParameterReader.h"

namespace llmc {

struct Architecture {
  const char *name; // general.architecture
  // Reads the hyperparameters that not all architectures have, after those that all have.
  void (*configure)(ParameterReader &, ModelParameters &);
  // The tensors of a layer.
  std::vector<LayerTensor> (*tensors)(const ModelParameters &);
  // One layer: from a hidden state to the next.
  mlir::Value (*block)(BlockBuilder &, mlir::Value hidden);
  // Whether all of it has derivatives, so that adapters can be trained.
  bool trains;
};

llvm::ArrayRef<Architecture> architectures();

extern const Architecture kLlama, kQwen2, kQwen3, kQwen3Moe, kGptNeox, kPhi3, kGemma2, kGemma3,
    kStarcoder2;

// Tensors that most architectures have.
//
// The four matrices of attention, q, k, v and output, and biases of them where the file has any.
void addAttentionTensors(const ModelParameters &p, std::vector<LayerTensor> &tensors);
// Norms of the heads of queries and keys.
void addHeadNormTensors(const ModelParameters &p, std::vector<LayerTensor> &tensors);
// The matrices of attention with q, k and v as parts of one tensor, attn_qkv, and so its bias,
// which with `biased` is required, as is that of the output.
void addJointAttentionTensors(const ModelParameters &p, bool biased,
                              std::vector<LayerTensor> &tensors);
// Both layer norms, and up and down of a feed-forward layer without a gate, all with biases.
void addPlainTensors(const ModelParameters &p, std::vector<LayerTensor> &tensors);
// Gate, up and down of a gated feed-forward layer, and biases of them where the file has any.
void addGatedTensors(const ModelParameters &p, std::vector<LayerTensor> &tensors);

} // namespace llmc

#endif
