// A file that appears under its name only when it is complete.
#ifndef LLMC_FRONTENDS_GGUF_FILE_OUTPUTFILE_H
#define LLMC_FRONTENDS_GGUF_FILE_OUTPUTFILE_H

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace llmc::gguf {

class OutputFile {
public:
  // Creates a temporary file beside `path`. Fails when the directory cannot be written, or when
  // `path` is there and is not a regular file (a rename would replace a device or a directory).
  static absl::StatusOr<std::unique_ptr<OutputFile>> create(const std::string &path);

  // Removes the temporary file unless commit() succeeded.
  ~OutputFile();
  OutputFile(const OutputFile &) = delete;
  OutputFile &operator=(const OutputFile &) = delete;

  const std::string &path() const { return path_; }
  uint64_t offset() const { return offset_; } // bytes written so far

  absl::Status write(std::span<const uint8_t> bytes);
  // Writes zeros up to the next multiple of `alignment`.
  absl::Status pad(uint64_t alignment);
  // Flushes to disk and renames to the final name.
  absl::Status commit();

private:
  OutputFile(std::string path, std::string temporary, int descriptor);
  absl::Status flush();
  absl::Status writeThrough(std::span<const uint8_t> bytes);
  absl::Status systemError(absl::string_view problem) const;

  std::string path_, temporary_;
  int descriptor_;
  uint64_t offset_ = 0;
  std::vector<uint8_t> buffer_;
};

} // namespace llmc::gguf

#endif
