// A file mapped read-only.
#ifndef LLMC_FRONTENDS_GGUF_FILE_MAPPEDFILE_H
#define LLMC_FRONTENDS_GGUF_FILE_MAPPEDFILE_H

#include "absl/status/statusor.h"
#include <cstdint>
#include <span>
#include <string>
#include <utility>

namespace llmc::gguf {

class MappedFile {
public:
  // Fails for anything but a regular file; an empty one has no bytes.
  static absl::StatusOr<MappedFile> open(const std::string &path);

  MappedFile(MappedFile &&other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  MappedFile &operator=(MappedFile &&other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~MappedFile();

  std::span<const uint8_t> bytes() const { return bytes_; }

private:
  explicit MappedFile(std::span<const uint8_t> bytes) : bytes_(bytes) {}
  std::span<const uint8_t> bytes_;
};

} // namespace llmc::gguf

#endif
