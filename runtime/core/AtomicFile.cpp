#include "runtime/core/AtomicFile.h"

#include "runtime/core/FileError.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace llmc {
namespace {

constexpr size_t kBufferBytes = 1 << 16;

bool writeAll(int descriptor, const uint8_t *bytes, size_t size) {
  while (size > 0) {
    const ssize_t written = ::write(descriptor, bytes, size);
    if (written < 0) {
      if (errno == EINTR)
        continue;
      return false;
    }
    bytes += written;
    size -= static_cast<size_t>(written);
  }
  return true;
}

std::string folderOf(const std::string &path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "./" : path.substr(0, slash + 1);
}

std::string entryOf(int descriptor) { return absl::StrCat("/proc/self/fd/", descriptor); }

// A file without a name, which goes with the process however that ends; -1 where there is none.
int openNameless(const std::string &folder) {
  const int descriptor = ::open(folder.c_str(), O_WRONLY | O_TMPFILE | O_CLOEXEC, 0666);
  // It gets its name by way of /proc.
  if (descriptor >= 0 && ::access(entryOf(descriptor).c_str(), F_OK) != 0) {
    ::close(descriptor);
    return -1;
  }
  return descriptor;
}

// Process and counter make the name ours; whoever takes it steps over leftovers of a dead process.
// It is short whatever the target's is, so it cannot be too long where the target's is not.
std::string temporaryName(const std::string &target) {
  static std::atomic<unsigned> counter{0};
  return absl::StrCat(folderOf(target), ".llmc-", getpid(), "-", counter++, ".tmp");
}

constexpr int kMostAttempts = 100;

} // namespace

absl::StatusOr<AtomicFile> AtomicFile::create(absl::string_view path, Links links) {
  AtomicFile file;
  file.path_ = file.target_ = std::string(path);
  struct stat info;
  if (links == Links::Followed && lstat(file.target_.c_str(), &info) == 0 &&
      S_ISLNK(info.st_mode)) {
    // A link to nothing is replaced itself.
    if (char *resolved = ::realpath(file.target_.c_str(), nullptr)) {
      file.target_ = resolved;
      std::free(resolved);
    }
  }
  bool exists = lstat(file.target_.c_str(), &info) == 0;
  if (exists && S_ISLNK(info.st_mode))
    exists = links == Links::Followed && stat(file.target_.c_str(), &info) == 0;
  if (exists && !S_ISREG(info.st_mode))
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": not a regular file; name a file to write or replace"));
  if (path.empty() || path.back() == '/')
    return absl::InvalidArgumentError(absl::StrCat("'", path, "': not the name of a file"));

  file.descriptor_ = openNameless(folderOf(file.target_));
  for (int attempt = 0; attempt < kMostAttempts && file.descriptor_ < 0; ++attempt) {
    file.temporary_ = temporaryName(file.target_);
    // Before it is there, because a signal may come at any time.
    file.leftover_ = Leftover(file.temporary_);
    file.descriptor_ =
        ::open(file.temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file.descriptor_ < 0 && errno != EEXIST)
      break;
  }
  if (file.descriptor_ < 0) {
    file.temporary_.clear();
    return fileError(errno, path, "create a file in its folder");
  }
  // A replaced file keeps its permissions; failing to is no reason not to write.
  if (exists)
    (void)!fchmod(file.descriptor_, info.st_mode & 0777);
  file.buffer_.reserve(kBufferBytes);
  return file;
}

absl::Status AtomicFile::write(std::span<const uint8_t> bytes) {
  if (!status_.ok())
    return status_;
  if (descriptor_ < 0)
    return absl::FailedPreconditionError(absl::StrCat(path_, ": the file is already complete"));
  if (buffer_.size() + bytes.size() > kBufferBytes)
    if (absl::Status status = flush(); !status.ok())
      return status;
  if (bytes.size() >= kBufferBytes) {
    if (!writeAll(descriptor_, bytes.data(), bytes.size()))
      return fail("write");
  } else {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  }
  size_ += bytes.size();
  return absl::OkStatus();
}

absl::Status AtomicFile::write(absl::string_view text) {
  return write(std::span(reinterpret_cast<const uint8_t *>(text.data()), text.size()));
}

absl::Status AtomicFile::overwrite(uint64_t offset, absl::string_view text) {
  if (absl::Status status = flush(); !status.ok())
    return status;
  if (offset > size_ || text.size() > size_ - offset)
    return absl::OutOfRangeError(absl::StrCat(path_, ": cannot overwrite bytes ", offset, " + ",
                                              text.size(), " of the ", size_, " written"));
  if (lseek(descriptor_, static_cast<off_t>(offset), SEEK_SET) < 0 ||
      !writeAll(descriptor_, reinterpret_cast<const uint8_t *>(text.data()), text.size()) ||
      lseek(descriptor_, 0, SEEK_END) < 0)
    return fail("write");
  return absl::OkStatus();
}

absl::Status AtomicFile::commit() {
  if (absl::Status status = flush(); !status.ok())
    return status;
  if (fsync(descriptor_) != 0)
    return fail("write");
  if (temporary_.empty() && !giveName())
    return fail("name the file");
  const int descriptor = std::exchange(descriptor_, -1);
  if (::close(descriptor) != 0)
    return fail("write");
  if (std::rename(temporary_.c_str(), target_.c_str()) != 0)
    return fail("replace the file");
  temporary_.clear();
  leftover_ = Leftover();
  // The rename itself is durable only with its folder; the bytes are safe either way.
  const int folder = ::open(folderOf(target_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    fsync(folder);
    ::close(folder);
  }
  return absl::OkStatus();
}

// rename() replaces a file, which linkat() does not.
bool AtomicFile::giveName() {
  for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
    temporary_ = temporaryName(target_);
    leftover_ = Leftover(temporary_);
    if (::linkat(AT_FDCWD, entryOf(descriptor_).c_str(), AT_FDCWD, temporary_.c_str(),
                 AT_SYMLINK_FOLLOW) == 0)
      return true;
    if (errno != EEXIST)
      break;
  }
  temporary_.clear();
  return false;
}

absl::Status AtomicFile::flush() {
  if (!status_.ok())
    return status_;
  if (descriptor_ < 0)
    return absl::FailedPreconditionError(absl::StrCat(path_, ": the file is already complete"));
  if (!writeAll(descriptor_, buffer_.data(), buffer_.size()))
    return fail("write");
  buffer_.clear();
  return absl::OkStatus();
}

absl::Status AtomicFile::fail(absl::string_view action) {
  status_ = fileError(errno, path_, action);
  // At once, because a full disk is better given back its space.
  discard();
  return status_;
}

void AtomicFile::discard() {
  if (descriptor_ >= 0)
    ::close(std::exchange(descriptor_, -1));
  if (!temporary_.empty())
    ::unlink(temporary_.c_str());
  temporary_.clear();
  leftover_ = Leftover();
}

AtomicFile::AtomicFile(AtomicFile &&other) noexcept { swap(other); }

AtomicFile &AtomicFile::operator=(AtomicFile &&other) noexcept {
  AtomicFile moved(std::move(other));
  swap(moved);
  return *this;
}

AtomicFile::~AtomicFile() { discard(); }

void AtomicFile::swap(AtomicFile &other) noexcept {
  std::swap(path_, other.path_);
  std::swap(target_, other.target_);
  std::swap(temporary_, other.temporary_);
  std::swap(leftover_, other.leftover_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(size_, other.size_);
  std::swap(buffer_, other.buffer_);
  std::swap(status_, other.status_);
}

} // namespace llmc
