#include "tools/llmc/TrainScratch.h"
#include "absl/strings/str_cat.h"
#include "frontends/scratch/ScratchModel.h"
#include "runtime/core/TemporaryFolder.h"
#include "tools/llmc/Console.h"
#include <filesystem>

namespace llmc::cli {

absl::StatusOr<std::shared_ptr<void>> makeScratchModel(const TrainOptions &options,
                                                       lora::TrainConfig &config) {
  const auto in = [&](const absl::Status &status) {
    return absl::Status(status.code(), absl::StrCat(options.config, ": ", status.message()));
  };
  std::string folder = config.outputDir;
  // The config that a run has left behind names it.
  if (!config.model.empty() && config.model != scratch::initialModelPath(folder))
    return in(absl::InvalidArgumentError(
        "model: --scratch makes the model, and would not use this one; remove it, or train it with "
        "--lora"));
  if (lora::learnsPreferences(config))
    return in(absl::InvalidArgumentError(absl::StrCat(
        "train_mode: ", config.trainMode,
        " is for a model that has learned to answer, and a new one has learned nothing; make it "
        "with train_mode: sft, and give its file as model of another config")));
  if (config.data.empty())
    return in(absl::InvalidArgumentError("data is not given; add a line 'data: PATH'"));
  std::shared_ptr<void> keeper;
  if (options.plan) {
    absl::StatusOr<std::unique_ptr<TemporaryFolder>> made = TemporaryFolder::create();
    if (!made.ok())
      return made.status();
    folder = (*made)->path();
    (*made)->fileNamed(
        std::filesystem::path(scratch::initialModelPath(folder)).filename().string());
    keeper = *std::move(made);
  }
  absl::StatusOr<scratch::InitialModel> initial = scratch::makeInitialModel(config, folder);
  if (!initial.ok())
    return in(initial.status());
  if (initial->isNew)
    printNote(absl::StrCat("made a vocabulary of ", initial->vocabulary, " tokens and ",
                           initial->parameters, " first weights: ", initial->path));
  config.model = initial->path;
  return keeper;
}

} // namespace llmc::cli
