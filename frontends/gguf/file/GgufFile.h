// Reading GGUF files (versions 2 and 3, little-endian), whole or split in parts.
//
// The file is mapped read-only and checked completely before open() returns, so that everything
// below may trust it: each record lies inside the file, keys and tensors are unique, each tensor's
// bytes are inside the file and overlap no other's.
#ifndef LLMC_FRONTENDS_GGUF_FILE_GGUFFILE_H
#define LLMC_FRONTENDS_GGUF_FILE_GGUFFILE_H

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dialects/llm/Formats/BlockFormats.h"
#include <concepts>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace llmc::gguf {

// The type of a metadata value, with GGUF's ids.
enum class ValueType : uint32_t {
  U8 = 0,
  I8 = 1,
  U16 = 2,
  I16 = 3,
  U32 = 4,
  I32 = 5,
  F32 = 6,
  Bool = 7,
  String = 8,
  Array = 9,
  U64 = 10,
  I64 = 11,
  F64 = 12,
};

// "u8", "string", ...; "unknown" for an id that GGUF does not have.
absl::string_view valueTypeName(ValueType type);

// One metadata record. The views point into the file's mapping and live as long as the GgufFile.
struct KeyValue {
  absl::string_view key;
  ValueType type = ValueType::U8;
  ValueType elementType = ValueType::U8; // of an array; otherwise equal to `type`
  uint64_t count = 1;                    // elements of an array; otherwise 1
  std::span<const uint8_t> record;       // key, type and value as they stand in the file
  // The value's bytes: a scalar, a string's characters, or an array's elements without the array's
  // header (a string element is its u64 length and its characters).
  std::span<const uint8_t> value;

  // "u32", "array of string".
  std::string typeName() const;
  // The value in one printable line of at most about `limit` bytes: `32`, `"llama"`,
  // `["<unk>", "<s>", ... 32000]`. Control characters are escaped.
  std::string preview(size_t limit = 72) const;
};

struct TensorInfo {
  std::string name;
  std::vector<uint64_t> shape; // 1 to 4 extents, each > 0, the fastest one first (ggml's `ne`)
  // nullptr for plain data that is not a block format: I8, I16, I32, I64, F64 (ggml types 24-28).
  const BlockFormat *format = nullptr;
  uint32_t ggmlType = 0;
  uint64_t bytes = 0;
  const uint8_t *data = nullptr; // in the mapping; lives as long as the GgufFile
  unsigned split = 0;            // the part that holds the bytes, counted from 0

  uint64_t elements() const {
    uint64_t product = 1;
    for (uint64_t extent : shape)
      product *= extent;
    return product;
  }
  std::span<const uint8_t> span() const { return {data, bytes}; }
};

// What a metadata value can be read as.
template <class T>
concept MetadataValue =
    std::same_as<T, uint32_t> || std::same_as<T, int32_t> || std::same_as<T, uint64_t> ||
    std::same_as<T, int64_t> || std::same_as<T, float> || std::same_as<T, double> ||
    std::same_as<T, bool> || std::same_as<T, std::string> || std::same_as<T, absl::string_view>;

struct OpenOptions {
  // The tensors' bytes need not be there and TensorInfo::data is nullptr: for files that were cut
  // after their tensor records, and where only the shapes matter.
  bool headerOnly = false;
};

class GgufFile {
public:
  // Maps the file at `path`; for the first part of a split (`PREFIX-00001-of-0000N.gguf`) also all
  // the others, whose tensors follow in order of the parts. Metadata is the first part's.
  // Errors: NotFound or PermissionDenied from the system, InvalidArgument for bad content and for
  // a part of a split that is not the first.
  static absl::StatusOr<std::shared_ptr<GgufFile>> open(const std::string &path,
                                                        const OpenOptions &options = {});

  // The same for bytes in memory, which the caller keeps alive; `name` stands in errors. A part of
  // a split is an error, because the other parts can only be found by path.
  static absl::StatusOr<std::shared_ptr<GgufFile>> parse(std::span<const uint8_t> bytes,
                                                         absl::string_view name,
                                                         const OpenOptions &options = {});

  ~GgufFile();
  GgufFile(const GgufFile &) = delete;
  GgufFile &operator=(const GgufFile &) = delete;

  const std::string &path() const;
  uint32_t version() const;   // 2 or 3, of the first part
  unsigned parts() const;     // 1 for a file that is not split
  uint32_t alignment() const; // of the first part's tensor data, in bytes
  uint64_t fileBytes() const; // all parts together

  // The metadata records in file order.
  std::span<const KeyValue> keyValues() const;
  // nullptr when there is no such key.
  const KeyValue *find(absl::string_view key) const;
  bool contains(absl::string_view key) const { return find(key) != nullptr; }

  // A scalar. Integers of any width and sign convert when the value fits, f32 and f64 convert, all
  // else must match. Errors name the file, the key, and the type found and wanted: NotFound for a
  // missing key, InvalidArgument for another type, OutOfRange for a value that does not fit.
  // absl::string_view points into the mapping.
  template <MetadataValue T>
  absl::StatusOr<T> get(absl::string_view key) const;

  // The same, with `fallback` for a missing key. A key of another type is still an error.
  template <MetadataValue T>
  absl::StatusOr<T> getOr(absl::string_view key, T fallback) const {
    if (!contains(key))
      return fallback;
    return get<T>(key);
  }

  // An array, its elements converted as get() does. A scalar is an error.
  template <MetadataValue T>
  absl::StatusOr<std::vector<T>> getArray(absl::string_view key) const;

  // The tensors in file order, part by part; empty for a vocabulary-only file.
  std::span<const TensorInfo> tensors() const;
  // nullptr when there is no such tensor.
  const TensorInfo *findTensor(absl::string_view name) const;

private:
  struct Impl;
  explicit GgufFile(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

} // namespace llmc::gguf

#endif
