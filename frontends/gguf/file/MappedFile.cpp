#include "frontends/gguf/file/MappedFile.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace llmc::gguf {

absl::StatusOr<MappedFile> MappedFile::open(const std::string &path) {
  // Without O_NONBLOCK, opening a FIFO waits for a writer.
  int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0)
    return absl::ErrnoToStatus(errno, absl::StrCat(path, ": cannot open the file"));
  struct stat info;
  if (::fstat(descriptor, &info) != 0) {
    int error = errno;
    ::close(descriptor);
    return absl::ErrnoToStatus(error, absl::StrCat(path, ": cannot examine the file"));
  }
  if (!S_ISREG(info.st_mode)) {
    ::close(descriptor);
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": not a regular file; give the path of a .gguf file"));
  }
  size_t size = info.st_size;
  if (size == 0) {
    ::close(descriptor);
    return MappedFile({});
  }
  void *address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
  int error = errno;
  ::close(descriptor);
  if (address == MAP_FAILED)
    return absl::ErrnoToStatus(
        error, absl::StrCat(path, ": cannot map the file's ", size, " bytes into memory"));
  return MappedFile({static_cast<const uint8_t *>(address), size});
}

MappedFile::~MappedFile() {
  if (!bytes_.empty())
    ::munmap(const_cast<uint8_t *>(bytes_.data()), bytes_.size());
}

} // namespace llmc::gguf
