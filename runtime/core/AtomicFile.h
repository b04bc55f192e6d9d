#ifndef LLMC_RUNTIME_CORE_ATOMICFILE_H
#define LLMC_RUNTIME_CORE_ATOMICFILE_H

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/core/Leftover.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace llmc {

/// A file that appears under its name whole or not at all: bytes go to a temporary file in the same
/// folder, which has no name where the file system can do that, and commit() gives it its name.
/// Without a successful commit() the destructor removes the temporary file, and what was under the
/// name before stays. After a failed write nothing more is written and commit() returns the same
/// error.
class AtomicFile {
public:
  /// What becomes of a symbolic link under the name: the file that it leads to is replaced, or the
  /// link itself, where others could have put it there.
  enum class Links { Followed, Replaced };

  /// Starts a file that will replace `path`. Fails, naming the file, if the folder cannot be
  /// written to or `path` is something other than a regular file (renaming over a device such as
  /// /dev/null would destroy it).
  static absl::StatusOr<AtomicFile> create(absl::string_view path, Links links = Links::Followed);

  AtomicFile(AtomicFile &&other) noexcept;
  AtomicFile &operator=(AtomicFile &&other) noexcept;
  ~AtomicFile();

  /// Appends; small pieces are collected in memory.
  absl::Status write(std::span<const uint8_t> bytes);
  absl::Status write(absl::string_view text);

  /// Overwrites bytes that were written before; OutOfRange if `offset` + size is beyond size().
  absl::Status overwrite(uint64_t offset, absl::string_view text);

  /// Bytes written so far.
  uint64_t size() const { return size_; }
  const std::string &path() const { return path_; }

  /// Makes the bytes durable and the file appear under its name. Call it once, last.
  absl::Status commit();

private:
  AtomicFile() = default;
  void swap(AtomicFile &other) noexcept;
  absl::Status flush();
  bool giveName();
  absl::Status fail(absl::string_view action);
  void discard();

  std::string path_;      ///< as the user gave it, for messages
  std::string target_;    ///< with symbolic links resolved
  std::string temporary_; ///< empty when there is nothing to remove, or no name yet
  Leftover leftover_;     ///< the same, for an end without destructors
  int descriptor_ = -1;
  uint64_t size_ = 0;
  std::vector<uint8_t> buffer_;
  absl::Status status_;
};

} // namespace llmc

#endif // LLMC_RUNTIME_CORE_ATOMICFILE_H
