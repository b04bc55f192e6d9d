// From a GGUF file to a module in the `llm` dialect.
#ifndef LLMC_FRONTENDS_GGUF_IMPORT_IMPORTER_H
#define LLMC_FRONTENDS_GGUF_IMPORT_IMPORTER_H

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "frontends/gguf/file/GgufFile.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include <vector>

namespace llmc {

// What the KV cache holds: "f16", "f32", "bf16" or "q8_0".
struct CacheTypes {
  std::string key = "f16", value = "f16";
};

// A weight that gets an adapter: two matrices beside it, y = W x + scale * B (A x).
struct AdaptedWeight {
  std::string weight; // the file's tensor, "blk.0.attn_q.weight"
  int64_t rank;
  float scale; // alpha / rank
  // DoRA (Liu et al., 2024): rows of W + scale * B A are scaled to trained norms. In programs that
  // train only, and of weights of layers.
  bool dora = false;
};

struct ImportOptions {
  CacheTypes cacheTypes;
  // Each weight once, with scale 1, because a scale can be a part of B.
  std::vector<AdaptedWeight> adapters;
  // Positions that the program is for, which some models choose their rotary angles by; 0:
  // defaultContext().
  int64_t context = 0;
};

struct TrainingImportOptions {
  std::vector<AdaptedWeight> adapters; // each weight once
  bool full = false;                   // trains all weights, without adapters
  int64_t sequence = 1;                // tokens of each sequence of a batch
  float dropout = 0;                   // of the inputs of adapters, but not of those of tables
  float embeddingNoise = 0;            // NEFTune's alpha
};

// Attributes of an imported module.
inline constexpr llvm::StringLiteral kArchitectureAttrName = "llm.architecture";
inline constexpr llvm::StringLiteral kVocabularyAttrName = "llm.vocabulary";
inline constexpr llvm::StringLiteral kContextLengthAttrName = "llm.context_length";

// Builds the module of the model in `file`. It has two entry points:
//
//   @step(%tokens: tensor<?xi32>, %start: index) -> tensor<?xDxf32>
//     runs the tokens through all layers, at positions from %start on, and yields the hidden state
//   @logits(%hidden: tensor<?xDxf32>) -> tensor<?xVxf32>
//     the final norm and the output layer, for rows of hidden states
//
// The matrices of adapters are weights of type f32 with the names and shapes that the parameters of
// importGgufForTraining() have.
//
// Errors name the file, what was found and what is known: another architecture, a missing or
// unknown tensor, a wrong shape, a metadata value that cannot be.
absl::StatusOr<mlir::OwningOpRef<mlir::ModuleOp>>
importGguf(mlir::MLIRContext *context, const gguf::GgufFile &file, const ImportOptions &options);

// Builds the module that trains the model in `file`, or adapters of it. It has one entry point:
//
//   @loss(%tokens: tensor<?xi32>, %targets: tensor<?xi32>, %seed: index) -> tensor<?x1xf32>
//     the loss of each row, 0 where the target is -1; the rows are whole sequences, one after the
//     other, and `seed` is that of dropout and noise, negative for none
//
// which is marked for differentiation: phase `autodiff` adds @loss.gradient, which also takes the
// weight of each row's loss (tensor<?x1xf32>) and adds the derivatives of the weighted sum to the
// gradients of the parameters. Those are named `<weight>.lora_a` and `<weight>.lora_b`: A is [rank,
// columns], B is [rows, rank]; of token_embd.weight, whose rows are looked up, A is [rows, rank]
// and B [columns, rank], all as GGUF adapters have them;
// with `dora` there is `<weight>.lora_magnitude`, a vector of [rows]. Where the output matrix is that of the
// embedding, an adapter of token_embd.weight changes only what is looked up. With `full` the
// parameters are the tensors of the file, all matrices, norms and biases, in f32, by their names;
// those that are computed in parts are parts, see llm.parameter.
//
// Errors are those of importGguf, and adapters of what is no matrix of the model.
absl::StatusOr<mlir::OwningOpRef<mlir::ModuleOp>>
importGgufForTraining(mlir::MLIRContext *context, const gguf::GgufFile &file,
                      const TrainingImportOptions &options);

// The names of an adapter's matrices, as GGUF adapters have them.
inline constexpr char kAdapterSuffixA[] = ".lora_a", kAdapterSuffixB[] = ".lora_b";
// And of DoRA's magnitudes, which those do not have.
inline constexpr char kAdapterSuffixMagnitude[] = ".lora_magnitude";

} // namespace llmc

#endif
