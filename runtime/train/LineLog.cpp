#include "runtime/train/LineLog.h"

#include "runtime/core/AtomicFile.h"
#include "runtime/core/FileError.h"
#include "runtime/core/MappedFile.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>
#include <utility>
#include <vector>

namespace llmc {

absl::StatusOr<LineLog> LineLog::open(const std::string &path,
                                      absl::FunctionRef<bool(absl::string_view)> keep) {
  std::string kept;
  std::error_code error;
  if (std::filesystem::exists(path, error)) {
    absl::StatusOr<MappedFile> before = MappedFile::open(path);
    if (!before.ok())
      return before.status();
    const absl::string_view text(reinterpret_cast<const char *>(before->bytes().data()),
                                 before->size());
    for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty()))
      if (keep(line))
        absl::StrAppend(&kept, line, "\n");
  }
  absl::StatusOr<AtomicFile> file = AtomicFile::create(path);
  if (!file.ok())
    return file.status();
  if (absl::Status status = file->write(kept); !status.ok())
    return status;
  if (absl::Status status = file->commit(); !status.ok())
    return status;
  LineLog log;
  log.path_ = path;
  log.descriptor_ = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (log.descriptor_ < 0)
    return fileError(errno, path, "open");
  return log;
}

absl::Status LineLog::append(absl::string_view line) {
  const std::string text = absl::StrCat(line, "\n");
  ssize_t written;
  do
    written = ::write(descriptor_, text.data(), text.size());
  while (written < 0 && errno == EINTR);
  if (written != static_cast<ssize_t>(text.size()))
    return fileError(written < 0 ? errno : ENOSPC, path_, "write");
  return absl::OkStatus();
}

LineLog::LineLog(LineLog &&other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

LineLog &LineLog::operator=(LineLog &&other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

LineLog::~LineLog() {
  if (descriptor_ >= 0)
    ::close(descriptor_);
}

} // namespace llmc
