// ggml's tensor types: their names, and the bytes that a shape needs.
#ifndef LLMC_FRONTENDS_GGUF_FILE_TENSORTYPES_H
#define LLMC_FRONTENDS_GGUF_FILE_TENSORTYPES_H

#include "absl/status/statusor.h"
#include "dialects/llm/Formats/BlockFormats.h"
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace llmc::gguf {

inline constexpr size_t mostDims = 4;

// How a tensor of one type is stored: `weights` consecutive weights of a row in `bytes` bytes.
struct Storage {
  const BlockFormat *format; // nullptr for plain data that is not a block format
  uint32_t weights;
  uint32_t bytes;
};

// nullopt for a type that this library does not read.
std::optional<Storage> findStorage(uint32_t ggmlType);

// "Q4_K", also for ggml types that this library does not read; "unknown" where ggml has none.
std::string ggmlTypeName(uint32_t ggmlType);

// The bytes of a tensor, checked: a known type, 1 to 4 extents, none 0, whole blocks in a row, no
// overflow. `shape` has the fastest extent first. The error says what is wrong; the caller adds
// with which tensor and what to do.
absl::StatusOr<uint64_t> tensorBytes(std::span<const uint64_t> shape, uint32_t ggmlType);

// "F32, F16, Q4_0, ...": the types that findStorage() knows.
std::string knownTypeNames();

} // namespace llmc::gguf

#endif
