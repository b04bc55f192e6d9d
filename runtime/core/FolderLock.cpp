#include "runtime/core/FolderLock.h"

#include "absl/strings/str_cat.h"
#include "runtime/core/FileError.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace llmc {

absl::StatusOr<FolderLock> FolderLock::take(const std::string &folder) {
  FolderLock lock;
  lock.descriptor_ = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock.descriptor_ < 0)
    return fileError(errno, folder, "open");
  if (::flock(lock.descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    return absl::FailedPreconditionError(
        absl::StrCat(folder, ": another process writes there; wait for it, or choose another"));
  return lock;
}

FolderLock::~FolderLock() {
  if (descriptor_ >= 0)
    ::close(descriptor_);
}

} // namespace llmc
