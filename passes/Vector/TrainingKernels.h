// Emissions of the operations for training.
#ifndef LLMC_PASSES_VECTOR_TRAININGKERNELS_H
#define LLMC_PASSES_VECTOR_TRAININGKERNELS_H

#include "passes/Vector/Kernels.h"

namespace llmc::kernel {

// Makes and calls a function of the team, a number of units and `pointers`, whose body gets the
// units of the thread one by one.
void emitUnits(OpEmission &emission, mlir::Location loc, llvm::StringRef name, Value units,
               ValueRange pointers,
               const std::function<void(Emitter &, Value unit, ValueRange pointers)> &body);

void emitLayerNormAdjoint(OpEmission &, LayerNormAdjointOp);
void emitNormTerms(OpEmission &, NormTermsOp);
void emitRowNorms(OpEmission &, RowNormsOp);
void emitScaleColumns(OpEmission &, ScaleColumnsOp);
void emitWeightAdjoint(OpEmission &, WeightAdjointOp);
void emitSumRows(OpEmission &, SumRowsOp);
void emitGeluAdjoint(OpEmission &, GeluAdjointOp);
void emitGegluAdjoint(OpEmission &, GegluAdjointOp);
void emitRmsNormAdjoint(OpEmission &, RmsNormAdjointOp);
void emitSiluAdjoint(OpEmission &, SiluAdjointOp);
void emitSwigluAdjoint(OpEmission &, SwigluAdjointOp);
void emitDropout(OpEmission &, DropoutOp);
void emitNoise(OpEmission &, NoiseOp);
void emitEmbedAdjoint(OpEmission &, EmbedAdjointOp);
void emitCausalAttention(OpEmission &, CausalAttentionOp);
void emitCausalAttentionAdjoint(OpEmission &, CausalAttentionAdjointOp);

// Calls the emission of `op`; false if it is none of those above.
bool emitTrainingOp(OpEmission &, mlir::Operation *op);

} // namespace llmc::kernel

#endif
