// What the fuzz targets share. A target is a LLVMFuzzerTestOneInput() that calls one reader and
// checks what the reader promises; libFuzzer or Replay.cpp calls it.
#ifndef LLMC_TESTS_FUZZ_FUZZ_H
#define LLMC_TESTS_FUZZ_FUZZ_H

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>

namespace llmc::fuzz {

// Stops where the fuzzer sees it, also without assertions.
inline void require(bool condition) {
  if (!condition)
    std::abort();
}

// An error of a reader is one line that names `file`.
inline void requireError(const absl::Status &status, absl::string_view file) {
  require(status.message().find('\n') == absl::string_view::npos);
  require(status.message().find(file) != absl::string_view::npos);
}

inline absl::string_view textOf(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
}

// Takes what is in front of the first `separator`, or everything.
inline absl::string_view takeUntil(absl::string_view &rest, absl::string_view separator) {
  const size_t end = rest.find(separator);
  const absl::string_view taken = rest.substr(0, end);
  rest.remove_prefix(end == rest.npos ? rest.size() : end + separator.size());
  return taken;
}

// A folder of this process for readers that open files by path.
class Folder {
public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "llmc-fuzz-XXXXXX").string();
    require(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Folder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  Folder(const Folder &) = delete;
  Folder &operator=(const Folder &) = delete;

  const std::string &path() const { return path_; }
  // Replaces the file `name` and returns its path.
  std::string write(absl::string_view name, absl::string_view content) const {
    const std::string path = path_ + "/" + std::string(name);
    std::ofstream(path, std::ios::binary | std::ios::trunc).write(content.data(), content.size());
    return path;
  }

private:
  std::string path_;
};

} // namespace llmc::fuzz

#endif
