// From a model file to a model whose adapter can be trained.
#ifndef LLMC_COMPILER_DRIVER_TRAININGLOADER_H
#define LLMC_COMPILER_DRIVER_TRAININGLOADER_H

#include "compiler/Driver/Compiler.h"
#include "frontends/gguf/file/GgufFile.h"
#include "frontends/gguf/import/Importer.h"
#include "runtime/train/CompiledTraining.h"
#include <functional>

namespace llmc {

struct TrainingLoadOptions {
  TrainingImportOptions import;
  int64_t batch = 1; // sequences of a batch, at most
  // compile.maxRows and compile.phases.stepTokens follow from the batch.
  CompileOptions compile;
  // Weights are one small number everywhere; the file's tensor data is not read.
  bool splatWeights = false;
  // Told while weights are packed, with the share that is done.
  std::function<void(double)> progress;
};

// Imports, differentiates and compiles the model in `file`, which may be mapped as long as the
// result lives, and packs its weights. `team` lives at least as long. Adapters are zero at first.
absl::StatusOr<std::unique_ptr<CompiledTraining>> loadTraining(std::shared_ptr<gguf::GgufFile> file,
                                                               ThreadTeam &team,
                                                               const TrainingLoadOptions &options);

} // namespace llmc

#endif
