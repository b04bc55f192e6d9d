// What the builders of all architectures share: weights by name with checked shapes, layers grouped
// by signature, and the error that tells of anything in the file that nobody asked for.
#ifndef LLMC_FRONTENDS_GGUF_IMPORT_MODELBUILDER_H
#define LLMC_FRONTENDS_GGUF_IMPORT_MODELBUILDER_H

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dialects/llm/IR/LlmDialect.h"
#include "frontends/gguf/file/GgufFile.h"
#include "frontends/gguf/import/Importer.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include <functional>
#include <map>

namespace llmc {

// A tensor of every layer: `blk.N.<name>`, rows x columns; columns 0 means a vector of `rows`.
struct LayerTensor {
  const char *name; // "attn_q.weight"
  int64_t rows, columns;
  bool required;
  // Where it is a part of another tensor, `blk.N.<source>`: that, its rows, and the first of them.
  const char *source = nullptr; // "attn_qkv.weight"
  int64_t sourceRows = 0, firstRow = 0;
  int64_t experts = 0; // not 0: a matrix for each expert
};

class ModelBuilder {
public:
  ModelBuilder(mlir::MLIRContext *context, const gguf::GgufFile &file);

  const gguf::GgufFile &file;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::ImplicitLocOpBuilder b;

  // An error of this file.
  absl::Status error(absl::string_view what) const;

  // A weight of the program, or, where weights are trained, a parameter.
  struct Tensor {
    std::string symbol;
    mlir::RankedTensorType type;
    bool trained = false;
    explicit operator bool() const { return bool(type); }
    bool operator==(const Tensor &) const = default;
  };
  // Declares the weight @<name without ".weight"> and checks its shape. A missing optional tensor
  // gives none.
  absl::StatusOr<Tensor> weight(absl::string_view name, int64_t rows, int64_t columns,
                                bool required = true);
  // Its value at the builder's place.
  mlir::Value use(const Tensor &tensor);

  // The weights that are asked for from now on are parameters of f32, whatever floats the file has.
  void trainWeights(bool trained) { trainsWeights_ = trained; }

  // What the matrices of adapters are: bytes of a file, or trained.
  enum class AdapterRole { Weights, Parameters };
  // The weights that are asked for from now on get these adapters. An error if a weight is named
  // twice, or a rank or scale cannot be.
  absl::Status adapt(llvm::ArrayRef<AdaptedWeight> adapters, AdapterRole role);

  // The matrices of an adapter, or null where there is none.
  struct Adapter {
    mlir::Value a, b;
    mlir::Value magnitude; // of DoRA, else null
    float scale = 1;
  };
  // The adapter of a weight that is no layer's. `lookup`: rows of the weight are looked up.
  Adapter adapterOf(absl::string_view name, int64_t rows, int64_t columns, bool lookup);

  // Values of a layer inside its block function.
  using LayerValues = std::map<std::string, mlir::Value>;
  struct BlockArguments {
    mlir::Value hidden, layer;
    int kind; // of the layers that this block is for
    llvm::SmallVector<mlir::Value> shared;
    LayerValues weights;                     // by LayerTensor::name; absent ones are null
    std::map<std::string, Adapter> adapters; // by LayerTensor::name; of all tensors
  };
  // Emits one layer at the builder's place and yields the next hidden state.
  using BlockBody = std::function<mlir::Value(const BlockArguments &)>;

  // Checks the tensors of all layers, makes one block function per distinct signature, declares the
  // weight families and emits llm.layers at the builder's place. Layers of different `kinds` have
  // different signatures; empty where all layers are of kind 0.
  absl::StatusOr<mlir::Value> layers(int64_t count, llvm::ArrayRef<LayerTensor> tensors,
                                     llvm::ArrayRef<int> kinds, mlir::Value hidden,
                                     mlir::ValueRange shared, const BlockBody &body);

  // Every tensor of the file must have been asked for, or its name end with one of `ignored`, and
  // every adapter must be of a matrix that was.
  absl::Status checkAllUsed(llvm::ArrayRef<absl::string_view> ignored) const;

  // tensor<?xNxf32>
  mlir::RankedTensorType rows(int64_t width);

private:
  absl::StatusOr<mlir::RankedTensorType> tensorType(const gguf::TensorInfo &info, int64_t rows,
                                                    int64_t columns, int64_t experts = 0) const;

  // What a tensor of `type` is declared as: that, or f32 where it is trained. An error if a type
  // cannot be trained.
  absl::StatusOr<mlir::RankedTensorType> declaredType(absl::string_view name,
                                                      mlir::RankedTensorType type) const;
  // Declares @<symbol> behind the other symbols of its kind.
  void declare(bool trained, llvm::StringRef symbol, mlir::Type type, llvm::StringRef source,
               mlir::DenseI32ArrayAttr layers, mlir::IntegerAttr firstRow);

  // The adapter of `name` that was asked for, or null; of vectors there are none.
  const AdaptedWeight *requestFor(absl::string_view name, int64_t columns);
  // Null where a tensor is no part of another one.
  mlir::IntegerAttr firstRowOf(const LayerTensor &tensor);
  mlir::RankedTensorType matrix(int64_t rows, int64_t columns);

  absl::flat_hash_set<std::string> used_;
  std::vector<AdaptedWeight> requests_;
  AdapterRole adapterRole_ = AdapterRole::Weights;
  bool trainsWeights_ = false;
  absl::flat_hash_set<std::string> adapted_;
};

} // namespace llmc

#endif
