#ifndef LLMC_RUNTIME_CORE_MAPPEDFILE_H
#define LLMC_RUNTIME_CORE_MAPPEDFILE_H

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace llmc {

/// What will be done with pages next; only a hint to the system.
enum class PageAdvice { normal, sequential, random, willNeed };

/// A file's bytes, mapped read-only; unmapped when this is destroyed. Pages are read on first
/// touch and shared between processes. If another process truncates the file meanwhile, touching
/// the lost pages raises SIGBUS: replace files by renaming, as AtomicFile does.
class MappedFile {
public:
  /// Fails, naming the file, if it cannot be opened or mapped or is not a regular file.
  static absl::StatusOr<MappedFile> open(absl::string_view path);

  MappedFile(MappedFile &&other) noexcept;
  MappedFile &operator=(MappedFile &&other) noexcept;
  ~MappedFile();

  /// Valid as long as this object or the one that it is moved to; empty for an empty file.
  std::span<const uint8_t> bytes() const { return {data_, size_}; }
  size_t size() const { return size_; }
  const std::string &path() const { return path_; }

  /// Advises about the pages that `length` bytes from `offset` touch; OutOfRange if they are not
  /// all in the file.
  absl::Status advise(PageAdvice advice, size_t offset, size_t length) const;
  /// The same for the whole file.
  absl::Status advise(PageAdvice advice) const { return advise(advice, 0, size_); }

private:
  MappedFile() = default;
  void swap(MappedFile &other) noexcept;

  const uint8_t *data_ = nullptr;
  size_t size_ = 0;
  std::string path_;
};

/// Takes the pages that lie wholly inside of a part of a mapped file out of this process's memory;
/// they are read again when they are touched. Only for memory that a file backs and nobody writes.
void releasePages(std::span<const uint8_t> part);

} // namespace llmc

#endif // LLMC_RUNTIME_CORE_MAPPEDFILE_H
