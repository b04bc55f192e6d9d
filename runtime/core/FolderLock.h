#ifndef LLMC_RUNTIME_CORE_FOLDERLOCK_H
#define LLMC_RUNTIME_CORE_FOLDERLOCK_H

#include "absl/status/statusor.h"

#include <string>
#include <utility>

namespace llmc {

/// While one lives, no other process gets one of the same folder. It ends with the process, however
/// that ends, and leaves no file.
class FolderLock {
public:
  FolderLock() = default;
  /// FailedPrecondition, naming the folder, when another process has it. Where the file system has
  /// no locks, none is held.
  static absl::StatusOr<FolderLock> take(const std::string &folder);
  FolderLock(FolderLock &&other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FolderLock &operator=(FolderLock &&other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~FolderLock();

private:
  int descriptor_ = -1;
};

} // namespace llmc

#endif // LLMC_RUNTIME_CORE_FOLDERLOCK_H
