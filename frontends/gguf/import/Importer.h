// From a GGUF file to a module in the `llm` dialect.
#ifndef LLMC_FRONTENDS_GGUF_IMPORT_IMPORTER_H
#define LLMC_FRONTENDS_GGUF_IMPORT_IMPORTER_H

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "frontends/gguf/file/GgufFile.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace llmc {

// What the KV cache holds: "f16", "f32", "bf16" or "q8_0".
struct CacheTypes {
  std::string key = "f16", value = "f16";
};

struct ImportOptions {
  CacheTypes cacheTypes;
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
// Errors name the file, what was found and what is known: another architecture, a missing or
// unknown tensor, a wrong shape, a metadata value that cannot be.
absl::StatusOr<mlir::OwningOpRef<mlir::ModuleOp>>
importGguf(mlir::MLIRContext *context, const gguf::GgufFile &file, const ImportOptions &options);

} // namespace llmc

#endif
