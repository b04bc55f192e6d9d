#include "frontends/lora/train/OutputFolder.h"
#include "absl/strings/str_cat.h"
#include "frontends/lora/adapter/GgufAdapter.h"
#include "frontends/lora/adapter/PeftAdapter.h"
#include "runtime/core/AtomicFile.h"
#include <filesystem>

namespace llmc::lora {

absl::Status makeDirectory(const std::string &path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error)
    return absl::Status(absl::ErrnoToStatusCode(error.value()),
                        absl::StrCat(path, ": cannot make the directory: ", error.message()));
  return absl::OkStatus();
}

std::string OutputFolder::path(absl::string_view name) const {
  return absl::StrCat(config_.outputDir, "/", name);
}

absl::Status OutputFolder::checkInputs() const {
  const auto differ = [](const char *key, const std::string &input, const std::string &output) {
    std::error_code none;
    if (input.empty() || !std::filesystem::equivalent(input, output, none))
      return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(
        key, ": ", input, " is what the run writes; move it, or choose another output_dir"));
  };
  absl::Status status = differ("scratch.tokenizer", config_.tokenizerFile, path("initial.gguf"));
  for (const std::string &output : {adapterPath(), modelPath(), metricsPath(), samplesPath(),
                                    plotPath(), reportPath(), configPath()}) {
    status.Update(differ("model", config_.model, output));
    status.Update(differ("data", config_.data, output));
    status.Update(differ("valid", config_.validationData, output));
    status.Update(differ("scratch.tokenizer", config_.tokenizerFile, output));
  }
  return status;
}

void OutputFolder::removeResults() const {
  std::error_code none;
  for (const std::string &result :
       {adapterPath(), peftPath(), modelPath(), samplesPath(), plotPath(), reportPath()})
    std::filesystem::remove_all(result, none);
}

absl::Status OutputFolder::prepare() const {
  if (absl::Status status = makeDirectory(config_.outputDir); !status.ok())
    return status;
  absl::StatusOr<AtomicFile> file = AtomicFile::create(configPath());
  if (!file.ok())
    return file.status();
  if (absl::Status status = file->write(printConfig(config_)); !status.ok())
    return status;
  return file->commit();
}

absl::Status OutputFolder::writeAdapter(const Adapter &adapter, const BaseModel &base) const {
  // GGUF adapters have no magnitudes.
  if (!config_.useDora)
    if (absl::Status status = writeGgufAdapter(adapter, base, adapterPath()); !status.ok())
      return status;
  return writePeftAdapter(adapter, base, peftPath(),
                          {.useRslora = config_.useRslora, .dropout = config_.dropout});
}

} // namespace llmc::lora
