// What a run leaves in output_dir beside its checkpoints.
#ifndef LLMC_FRONTENDS_LORA_TRAIN_OUTPUTFOLDER_H
#define LLMC_FRONTENDS_LORA_TRAIN_OUTPUTFOLDER_H

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "frontends/lora/adapter/Adapter.h"
#include "frontends/lora/config/TrainConfig.h"
#include <string>

namespace llmc::lora {

// Makes a directory and those above it. The error names it.
absl::Status makeDirectory(const std::string &path);

class OutputFolder {
public:
  explicit OutputFolder(const TrainConfig &config) : config_(config) {}

  std::string adapterPath() const { return path("adapter.gguf"); }
  std::string peftPath() const { return path("peft"); }
  // Of full fine-tuning.
  std::string modelPath() const { return path("model.gguf"); }
  // What other commands take of the result.
  std::string resultPath() const {
    return config_.fineTuneType == "full" ? modelPath()
           : config_.useDora              ? peftPath()
                                          : adapterPath();
  }
  std::string metricsPath() const { return path("metrics.jsonl"); }
  std::string samplesPath() const { return path("samples.jsonl"); }
  std::string plotPath() const { return path("loss.svg"); }
  std::string reportPath() const { return path("report.html"); }
  // A directory.
  std::string eventsPath() const {
    return config_.loggingDir.empty() ? path("runs") : config_.loggingDir;
  }
  std::string configPath() const { return path("resolved-config.yaml"); }

  // InvalidArgument when the run would write over what it reads.
  absl::Status checkInputs() const;
  // Removes what an earlier run has left of results, but not its checkpoints.
  void removeResults() const;
  // Makes the directory and writes the config with every key.
  absl::Status prepare() const;
  // adapter.gguf, unless it is DoRA, and peft/; each file is replaced as a whole.
  absl::Status writeAdapter(const Adapter &adapter, const BaseModel &base) const;

private:
  std::string path(absl::string_view name) const;

  const TrainConfig &config_;
};

} // namespace llmc::lora

#endif
