#include "frontends/gguf/file/OutputFile.h"

#include "absl/strings/str_cat.h"
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace llmc::gguf {
namespace {

constexpr size_t bufferBytes = 1 << 20;
// One write() takes at most 2 GiB; smaller pieces keep an interruption cheap.
constexpr size_t mostWriteBytes = 64 << 20;

} // namespace

absl::StatusOr<std::unique_ptr<OutputFile>> OutputFile::create(const std::string &path) {
  struct stat info;
  if (::stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode))
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": not a regular file; give another output path"));
  static std::atomic<unsigned> counter{0};
  for (;;) {
    // mkstemp() would make the file private; this way it gets the rights that the umask allows.
    std::string temporary = absl::StrCat(path, ".tmp-", ::getpid(), "-", counter++);
    int descriptor = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor >= 0)
      return std::unique_ptr<OutputFile>(new OutputFile(path, std::move(temporary), descriptor));
    if (errno != EEXIST)
      return absl::ErrnoToStatus(
          errno, absl::StrCat(path, ": cannot create the temporary file ", temporary));
  }
}

OutputFile::OutputFile(std::string path, std::string temporary, int descriptor)
    : path_(std::move(path)), temporary_(std::move(temporary)), descriptor_(descriptor) {
  buffer_.reserve(bufferBytes);
}

OutputFile::~OutputFile() {
  if (descriptor_ >= 0)
    ::close(descriptor_);
  if (!temporary_.empty())
    ::unlink(temporary_.c_str());
}

absl::Status OutputFile::systemError(absl::string_view problem) const {
  return absl::ErrnoToStatus(errno, absl::StrCat(path_, ": cannot ", problem));
}

absl::Status OutputFile::writeThrough(std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    ssize_t count = ::write(descriptor_, bytes.data(), std::min(bytes.size(), mostWriteBytes));
    if (count < 0) {
      if (errno == EINTR)
        continue;
      return systemError(absl::StrCat("write after byte ", offset_ - bytes.size()));
    }
    bytes = bytes.subspan(count);
  }
  return absl::OkStatus();
}

absl::Status OutputFile::flush() {
  absl::Status status = writeThrough(buffer_);
  buffer_.clear();
  return status;
}

absl::Status OutputFile::write(std::span<const uint8_t> bytes) {
  offset_ += bytes.size();
  if (buffer_.size() + bytes.size() > bufferBytes)
    if (absl::Status status = flush(); !status.ok())
      return status;
  if (bytes.size() >= bufferBytes)
    return writeThrough(bytes);
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  return absl::OkStatus();
}

absl::Status OutputFile::pad(uint64_t alignment) {
  std::vector<uint8_t> zeros((alignment - offset_ % alignment) % alignment);
  return write(zeros);
}

absl::Status OutputFile::commit() {
  if (absl::Status status = flush(); !status.ok())
    return status;
  // Without this a crash soon after may leave the final name with missing bytes.
  if (::fsync(descriptor_) != 0)
    return systemError("flush to disk");
  int descriptor = std::exchange(descriptor_, -1);
  if (::close(descriptor) != 0)
    return systemError("close the file");
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0)
    return systemError(absl::StrCat("rename ", temporary_, " to the final name"));
  temporary_.clear();
  return absl::OkStatus();
}

} // namespace llmc::gguf
