// Emissions of the operations for training.
#ifndef LLMC_PASSES_VECTOR_TRAININGKERNELS_H
#define LLMC_PASSES_VECTOR_TRAININGKERNELS_H

#include "passes/Vector/Kernels.h"

namespace llmc::kernel {

void emitRmsNormAdjoint(OpEmission &, RmsNormAdjointOp);
void emitSiluAdjoint(OpEmission &, SiluAdjointOp);
void emitSwigluAdjoint(OpEmission &, SwigluAdjointOp);
void emitDropout(OpEmission &, DropoutOp);
void emitEmbedAdjoint(OpEmission &, EmbedAdjointOp);
void emitCausalAttention(OpEmission &, CausalAttentionOp);
void emitCausalAttentionAdjoint(OpEmission &, CausalAttentionAdjointOp);

// Calls the emission of `op`; false if it is none of those above.
bool emitTrainingOp(OpEmission &, mlir::Operation *op);

} // namespace llmc::kernel

#endif
