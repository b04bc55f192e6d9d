#include "runtime/core/TemporaryFolder.h"

#include "absl/strings/str_cat.h"
#include "runtime/core/FileError.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>

namespace llmc {

absl::StatusOr<std::unique_ptr<TemporaryFolder>> TemporaryFolder::create() {
  std::error_code error;
  const std::filesystem::path parent = std::filesystem::temp_directory_path(error);
  if (error)
    return absl::NotFoundError("there is no folder for temporary files; name one with TMPDIR");
  std::string path = (parent / "llmc-XXXXXX").string();
  if (!mkdtemp(path.data()))
    return fileError(errno, parent.string(), "create a temporary folder (TMPDIR names another)");
  return std::unique_ptr<TemporaryFolder>(new TemporaryFolder(path));
}

TemporaryFolder::TemporaryFolder(std::string path) : path_(std::move(path)) {
  leftovers_.emplace_back(path_);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryFolder::fileNamed(absl::string_view name) {
  std::string path = absl::StrCat(path_, "/", name);
  leftovers_.emplace_back(path);
  return path;
}

} // namespace llmc
