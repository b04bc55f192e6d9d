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
