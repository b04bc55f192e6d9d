// Writing GGUF v3 files: metadata first, then the tensors' declarations, then their bytes in order.
//
// Everything goes to a temporary name in the target's directory; finish() renames it. A writer that
// is destroyed without finish(), or that failed, leaves nothing behind.
#ifndef LLMC_FRONTENDS_GGUF_FILE_GGUFWRITER_H
#define LLMC_FRONTENDS_GGUF_FILE_GGUFWRITER_H

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "frontends/gguf/file/GgufFile.h"
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace llmc::gguf {

// What a metadata value can be written as; each type is stored as itself (int8_t as I8, ...).
template <class T>
concept WritableValue = MetadataValue<T> || std::same_as<T, uint8_t> || std::same_as<T, int8_t> ||
    std::same_as<T, uint16_t> || std::same_as<T, int16_t>;

class GgufWriter {
public:
  // Takes the next bytes of the tensor that is being written.
  using Append = absl::FunctionRef<absl::Status(std::span<const uint8_t>)>;

  // `alignment` of the tensor data: a power of two, 8 to 4096; general.alignment is written when it
  // is not 32. Fails when the directory cannot be written or `path` is not a regular file.
  static absl::StatusOr<std::unique_ptr<GgufWriter>> create(const std::string &path,
                                                            uint32_t alignment = 32);
  ~GgufWriter();
  GgufWriter(const GgufWriter &) = delete;
  GgufWriter &operator=(const GgufWriter &) = delete;

  // Metadata, kept in the order of first setting; a key that is set again changes its value in
  // place. general.alignment belongs to the writer and cannot be set.
  template <WritableValue T>
  absl::Status set(absl::string_view key, const T &value);
  absl::Status set(absl::string_view key, const char *value) {
    return set<absl::string_view>(key, value);
  }
  template <WritableValue T>
  absl::Status setArray(absl::string_view key, std::span<const T> values);
  template <WritableValue T>
  absl::Status setArray(absl::string_view key, const std::vector<T> &values) {
    return setArray(key, std::span<const T>(values));
  }
  absl::Status setArray(absl::string_view key, const std::vector<bool> &values);
  // Copies a record of another file byte for byte.
  absl::Status copy(const KeyValue &keyValue);
  // Copies all records but general.alignment and split.*, which describe the source's container.
  absl::Status copyMetadata(const GgufFile &source);
  // Drops a key that was set; nothing happens when it was not.
  void remove(absl::string_view key);

  // Declares the next tensor. `shape` has the fastest extent first; `bytes` must be what the type
  // and the shape need. The type must be one that GgufFile reads.
  absl::Status addTensor(absl::string_view name, std::span<const uint64_t> shape, uint32_t ggmlType,
                         uint64_t bytes);

  // Writes the bytes of the next declared tensor, whose name must be `name`. The first call closes
  // the metadata and the declarations.
  absl::Status writeTensor(absl::string_view name, std::span<const uint8_t> data);
  // The same in pieces: `produce` calls its argument until the tensor is complete.
  absl::Status writeTensor(absl::string_view name, absl::FunctionRef<absl::Status(Append)> produce);

  // Checks that each declared tensor was written, flushes to disk and renames to the final name.
  absl::Status finish();

private:
  struct Impl;
  explicit GgufWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

} // namespace llmc::gguf

#endif
