// One GGUF file's bytes, checked and indexed.
#ifndef LLMC_FRONTENDS_GGUF_FILE_GGUFPARSER_H
#define LLMC_FRONTENDS_GGUF_FILE_GGUFPARSER_H

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "frontends/gguf/file/GgufFile.h"
#include <cstdint>
#include <span>
#include <vector>

namespace llmc::gguf {

inline constexpr uint32_t defaultAlignment = 32;
inline constexpr uint32_t leastAlignment = 8;
inline constexpr size_t mostTensorNameBytes = 63; // ggml keeps names in 64 bytes with a zero

struct ParsedFile {
  uint32_t version = 0;
  uint32_t alignment = defaultAlignment;
  std::vector<KeyValue> keyValues;
  absl::flat_hash_map<absl::string_view, size_t> keys; // to the index in `keyValues`
  std::vector<TensorInfo> tensors;
};

// All views in the result point into `bytes`. `name` stands in errors, which are InvalidArgument.
absl::StatusOr<ParsedFile> parseFile(std::span<const uint8_t> bytes, absl::string_view name,
                                     const OpenOptions &options = {});

} // namespace llmc::gguf

#endif
