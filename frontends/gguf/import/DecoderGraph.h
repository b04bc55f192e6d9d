// What programs of all decoders have in common, whether they generate or train: the weights that
// are no layer's, the rotary tables, and the layers as their architecture emits them.
#ifndef LLMC_FRONTENDS_GGUF_IMPORT_DECODERGRAPH_H
#define LLMC_FRONTENDS_GGUF_IMPORT_DECODERGRAPH_H

#include "frontends/gguf/import/Architectures.h"

namespace llmc {

class DecoderGraph {
public:
  // Reads the hyperparameters and declares the weights that are no layer's.
  // `context` is that of readModelParameters(). With `trainsWeights` all of them are parameters.
  static absl::StatusOr<DecoderGraph> create(ModelBuilder &m, const Architecture &architecture,
                                             int64_t context, bool trainsWeights = false);

  const ModelParameters &parameters() const { return p; }
  ModelBuilder::Tensor embedding, norm, normBias, factors, output; // normBias, factors: or none
  mlir::func::FuncOp beginFunction(llvm::StringRef name, llvm::ArrayRef<mlir::Type> arguments,
                                   mlir::Type result);
  // All rotary tables, of positions from `start` on, which begin again after `sequence` rows,
  // unless that is 0.
  llvm::SmallVector<mlir::Value> ropeTables(mlir::Value start, int64_t sequence);
  // What the first layer takes of rows of the embedding.
  mlir::Value scaleEmbedding(mlir::Value rows);
  // The norm before the output matrix.
  mlir::Value outputNorm(mlir::Value hidden);

  // All layers; `shared` begins with the rotary tables.
  absl::StatusOr<mlir::Value> layers(mlir::Value hidden, mlir::ValueRange shared,
                                     const BlockBuilder::Environment &environment);

  // All that the file has must be used.
  absl::Status finish();

private:
  DecoderGraph(ModelBuilder &m, const Architecture &architecture, const ModelParameters &p)
      : m(m), architecture(architecture), p(p) {}

  ModelBuilder &m;
  const Architecture &architecture;
  ModelParameters p;
};

} // namespace llmc

#endif
