// From a model file to a program that runs.
#ifndef LLMC_COMPILER_DRIVER_MODELLOADER_H
#define LLMC_COMPILER_DRIVER_MODELLOADER_H

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "compiler/Driver/AdapterWeights.h"
#include "compiler/Driver/Compiler.h"
#include "compiler/Jit/ObjectCode.h"
#include "frontends/gguf/file/GgufFile.h"
#include "frontends/gguf/import/Importer.h"
#include "runtime/core/ThreadTeam.h"
#include "runtime/llm/Program.h"
#include <functional>

namespace llmc {

struct LoadOptions {
  CompileOptions compile;
  CacheTypes cacheTypes; // an artifact keeps its own
  std::vector<lora::AdapterChoice> adapters;
  int64_t context = 0; // see ImportOptions
  // Weights are one small number everywhere; the file's tensor data is not read.
  bool splatWeights = false;
  // Told while weights are packed, with the share that is done.
  std::function<void(double)> progress;
};

struct LoadedModel {
  std::shared_ptr<gguf::GgufFile> file; // metadata and tokenizer
  Program program;
  bool fromArtifact = false;
  bool codeFromCache = false; // or from the artifact: nothing was compiled
  double importSeconds = 0, compileSeconds = 0, packSeconds = 0;
};

// Opens a model file. With `shapeOnly` the tensors' bytes are not looked at: the file may end after
// its tensor records, and `path` may name a shape without a file, as openShape() takes it.
absl::StatusOr<std::shared_ptr<gguf::GgufFile>> openModel(const std::string &path, bool shapeOnly);

// Loads a `.gguf` (compiling it in memory) or a `.llmc`.
absl::StatusOr<LoadedModel> loadModel(const std::string &path, ThreadTeam &team,
                                      const LoadOptions &options);

// What the program of a model needs to run, without making code for it.
absl::StatusOr<ProgramManifest> describeProgram(const gguf::GgufFile &file,
                                                const CacheTypes &cacheTypes,
                                                const CompileOptions &options);

// The module of a model at phase import. An artifact has its own, whatever the options.
absl::StatusOr<mlir::OwningOpRef<mlir::ModuleOp>>
importModel(Compiler &compiler, const gguf::GgufFile &file, const ImportOptions &options);

} // namespace llmc

#endif
