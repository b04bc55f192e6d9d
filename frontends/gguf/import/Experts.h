// The feed-forward layer of mixtures of experts, for the layers of any architecture.
#ifndef LLMC_FRONTENDS_GGUF_IMPORT_EXPERTS_H
#define LLMC_FRONTENDS_GGUF_IMPORT_EXPERTS_H

#include "frontends/gguf/import/BlockBuilder.h"
#include "frontends/gguf/import/ParameterReader.h"

namespace llmc {

// Reads `expert_count` and what belongs to it, where a file has it and it is not 0.
void readExperts(ParameterReader &r, ModelParameters &p);

// The matrix that routes, and gate, up and down of all experts, which have three dimensions.
void addExpertTensors(const ModelParameters &p, std::vector<LayerTensor> &tensors);

// The sum of what the experts of each row of `x`, normalized already, yield.
mlir::Value expertFeedForward(BlockBuilder &b, mlir::Value x);

} // namespace llmc

#endif
