// What `llmc train` reads before it starts. Keeps MLIR's headers out of the command.
#ifndef LLMC_TOOLS_LLMC_TRAININGSETUP_H
#define LLMC_TOOLS_LLMC_TRAININGSETUP_H

#include "absl/status/statusor.h"
#include "frontends/gguf/file/GgufFile.h"
#include "frontends/lora/adapter/Adapter.h"
#include "frontends/lora/adapter/BaseModel.h"
#include "frontends/lora/config/TrainConfig.h"
#include "frontends/lora/data/DataLoader.h"
#include "frontends/lora/train/TrainableParameters.h"
#include "frontends/tokenizer/Tokenizer.h"
#include "runtime/core/ThreadTeam.h"
#include "runtime/train/TrainingModel.h"
#include "tools/llmc/SharedOptions.h"
#include <memory>
#include <string>
#include <vector>

namespace llmc::cli {

struct TrainOptions {
  std::string config; // a file; empty: none
  bool scratch = false;  // the model is made (TrainScratch.h)
  std::string tokenizer; // of scratch: a GGUF with the vocabulary, instead of the config's
  std::vector<std::string> overrides;
  bool plan = false, printConfig = false, json = false;
  ModelOptions model; // threads, targetCpu and noObjectCache
};

// Everything but the compiled model.
struct TrainingSetup {
  // Errors name the config's file, the model or the data. An adapter to start from is checked, too.
  static absl::StatusOr<std::unique_ptr<TrainingSetup>> open(const TrainOptions &options);

  // Compiles the model for batches of `samples` of the data, whose sequences have `sequence`
  // tokens, and packs its weights; shows progress.
  absl::StatusOr<std::unique_ptr<TrainingModel>> loadModel(int64_t sequence, int64_t samples);

  // What the config says is trained of such a model, which lives at least as long.
  absl::StatusOr<std::unique_ptr<lora::TrainableParameters>> parametersOf(TrainingModel &model);
  bool isFull() const { return config.fineTuneType == "full"; }

  TrainOptions options;
  std::shared_ptr<void> modelFolder; // keeps alive what a plan from scratch has made
  lora::TrainConfig config;
  std::shared_ptr<gguf::GgufFile> file;
  lora::BaseModel base;
  std::unique_ptr<Tokenizer> tokenizer;
  lora::Adapter plan; // empty where the model itself is trained
  lora::TrainingData data;
  std::unique_ptr<ThreadTeam> team;
};

// The config alone: defaults, file, overrides.
absl::StatusOr<lora::TrainConfig> readConfig(const TrainOptions &options);

// Bytes of this process's memory that no file backs.
uint64_t anonymousMemory();

} // namespace llmc::cli

#endif
