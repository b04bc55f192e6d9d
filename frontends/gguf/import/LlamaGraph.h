// What programs of architecture `llama` have in common, whether they generate or train.
#ifndef LLMC_FRONTENDS_GGUF_IMPORT_LLAMAGRAPH_H
#define LLMC_FRONTENDS_GGUF_IMPORT_LLAMAGRAPH_H

#include "frontends/gguf/import/LlamaParameters.h"
#include "frontends/gguf/import/ModelBuilder.h"

namespace llmc {

class LlamaGraph {
public:
  // Reads the hyperparameters and declares the weights that are no layer's.
  static absl::StatusOr<LlamaGraph> create(ModelBuilder &m);

  const LlamaParameters &parameters() const { return p; }
  llm::WeightOp embedding, norm, factors, output; // factors may be null

  // The value of a weight of no layer.
  mlir::Value use(llm::WeightOp weight);
  mlir::func::FuncOp beginFunction(llvm::StringRef name, llvm::ArrayRef<mlir::Type> arguments,
                                   mlir::Type result);
  // Positions from `start` on, which begin again after `sequence` rows, unless that is 0.
  mlir::Value ropeTable(mlir::Value start, int64_t sequence);
  // The norm before the output matrix.
  mlir::Value outputNorm(mlir::Value hidden);

  // Attention of rotated queries to rotated keys and values, all heads side by side.
  using Attend =
      std::function<mlir::Value(const ModelBuilder::BlockArguments &, mlir::RankedTensorType,
                                mlir::Value query, mlir::Value keys, mlir::Value values)>;
  // Adds an adapter's part to a product `y` of a weight and `x`. `site` numbers the weights of a
  // layer.
  using Adapt =
      std::function<mlir::Value(const ModelBuilder::BlockArguments &, const ModelBuilder::Adapter &,
                                int64_t site, mlir::Value x, mlir::Value y)>;
  // All layers; `shared` begins with the rotary table.
  absl::StatusOr<mlir::Value> layers(mlir::Value hidden, mlir::ValueRange shared,
                                     const Attend &attend, const Adapt &adapt);

  // All that the file has must be used.
  absl::Status finish();

private:
  LlamaGraph(ModelBuilder &m, const LlamaParameters &p) : m(m), p(p) {}

  mlir::Value block(const ModelBuilder::BlockArguments &in, const Attend &attend,
                    const Adapt &adapt);

  ModelBuilder &m;
  LlamaParameters p;
};

} // namespace llmc

#endif
