#include "runtime/core/MappedFile.h"

#include "runtime/core/FileError.h"

#include <fcntl.h>
#include <limits>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace llmc {

absl::StatusOr<MappedFile> MappedFile::open(absl::string_view path) {
  MappedFile file;
  file.path_ = std::string(path);
  // O_NONBLOCK: opening a FIFO that nobody writes to must fail below, not wait.
  const int descriptor = ::open(file.path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0)
    return fileError(errno, path, "open");
  struct stat info;
  absl::Status status;
  if (fstat(descriptor, &info) != 0)
    status = fileError(errno, path, "look at the file");
  else if (!S_ISREG(info.st_mode))
    status = absl::InvalidArgumentError(absl::StrCat(path, ": not a regular file; give a file"));
  else if (uint64_t(info.st_size) > std::numeric_limits<size_t>::max())
    status = fileError(EFBIG, path, "map");
  else if (info.st_size > 0) {
    void *data =
        mmap(nullptr, static_cast<size_t>(info.st_size), PROT_READ, MAP_SHARED, descriptor, 0);
    if (data == MAP_FAILED) {
      status = fileError(errno, path, "map");
    } else {
      file.data_ = static_cast<const uint8_t *>(data);
      file.size_ = static_cast<size_t>(info.st_size);
    }
  }
  ::close(descriptor);
  if (!status.ok())
    return status;
  return file;
}

absl::Status MappedFile::advise(PageAdvice advice, size_t offset, size_t length) const {
  if (offset > size_ || length > size_ - offset)
    return absl::OutOfRangeError(absl::StrCat(path_, ": bytes ", offset, " + ", length,
                                              " are not all in the file's ", size_));
  if (length == 0)
    return absl::OkStatus();
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t begin = offset / page * page;
  int hint = MADV_NORMAL;
  switch (advice) {
  case PageAdvice::normal:
    break;
  case PageAdvice::sequential:
    hint = MADV_SEQUENTIAL;
    break;
  case PageAdvice::random:
    hint = MADV_RANDOM;
    break;
  case PageAdvice::willNeed:
    hint = MADV_WILLNEED;
    break;
  }
  if (madvise(const_cast<uint8_t *>(data_) + begin, offset + length - begin, hint) != 0)
    return fileError(errno, path_, "advise the system about its pages");
  return absl::OkStatus();
}

MappedFile::MappedFile(MappedFile &&other) noexcept { swap(other); }

MappedFile &MappedFile::operator=(MappedFile &&other) noexcept {
  MappedFile moved(std::move(other));
  swap(moved);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr)
    munmap(const_cast<uint8_t *>(data_), size_);
}

void MappedFile::swap(MappedFile &other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(path_, other.path_);
}

void releasePages(std::span<const uint8_t> part) {
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto begin = (reinterpret_cast<uintptr_t>(part.data()) + page - 1) / page * page;
  const auto end = reinterpret_cast<uintptr_t>(part.data() + part.size()) / page * page;
  // Where the system refuses, pages stay: nothing is lost.
  if (begin < end)
    madvise(reinterpret_cast<void *>(begin), end - begin, MADV_DONTNEED);
}

} // namespace llmc
