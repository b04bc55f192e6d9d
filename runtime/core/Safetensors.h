#ifndef LLMC_RUNTIME_CORE_SAFETENSORS_H
#define LLMC_RUNTIME_CORE_SAFETENSORS_H

#include "runtime/core/AtomicFile.h"
#include "runtime/core/MappedFile.h"

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

/// safetensors: a little-endian u64, so many bytes of JSON
///   {"NAME": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...,
///    "__metadata__": {"KEY": "TEXT", ...}}
/// and the tensors' bytes, one after the other without gaps, each in row order.
namespace llmc {

struct SafetensorsTensor {
  std::string name;
  std::string type;            ///< "F32", "F16", "BF16", "I32", ...
  std::vector<uint64_t> shape; ///< the slowest extent first; empty for a scalar
  std::span<const uint8_t> bytes;

  uint64_t elements() const {
    uint64_t product = 1;
    for (uint64_t extent : shape)
      product *= extent;
    return product;
  }
};

using SafetensorsMetadata = std::map<std::string, std::string>;

/// Bytes of an element; nullopt for a type that is not known.
std::optional<uint64_t> safetensorsElementBytes(absl::string_view type);

/// A file, checked completely when it is opened: every tensor lies inside it and has the bytes of
/// its shape, none overlap, there are no gaps and no name is there twice.
class SafetensorsFile {
public:
  /// Errors name the file and what is wrong in it; nothing is allocated that the file is not large
  /// enough to need.
  static absl::StatusOr<SafetensorsFile> open(absl::string_view path);
  /// The same for bytes in memory, which the caller keeps alive; `name` stands in errors.
  static absl::StatusOr<SafetensorsFile> parse(std::span<const uint8_t> bytes,
                                               absl::string_view name);

  /// In the order of the header; the bytes live as long as this object.
  std::span<const SafetensorsTensor> tensors() const { return tensors_; }
  /// nullptr when there is no such tensor.
  const SafetensorsTensor *find(absl::string_view name) const;
  const SafetensorsMetadata &metadata() const { return metadata_; }
  const std::string &path() const { return path_; }
  /// The header with its length in front, and everything behind it.
  std::span<const uint8_t> header() const { return header_; }
  std::span<const uint8_t> data() const { return data_; }

private:
  SafetensorsFile() = default;

  std::optional<MappedFile> mapping_;
  std::string path_;
  std::vector<SafetensorsTensor> tensors_;
  absl::flat_hash_map<std::string, size_t> byName_;
  SafetensorsMetadata metadata_;
  std::span<const uint8_t> header_, data_;
};

/// The values of an F32, F16 or BF16 tensor; InvalidArgument (without the file's name) for others.
absl::StatusOr<std::vector<float>> safetensorsFloats(const SafetensorsTensor &tensor);

/// The bytes of `values`, for SafetensorsTensor::bytes.
inline std::span<const uint8_t> floatBytes(std::span<const float> values) {
  return {reinterpret_cast<const uint8_t *>(values.data()), values.size_bytes()};
}

/// Writes a file that appears under its name whole or not at all (AtomicFile).
absl::Status writeSafetensors(absl::string_view path, std::span<const SafetensorsTensor> tensors,
                              const SafetensorsMetadata &metadata = {});

/// Its header with the length in front, padded with spaces to a multiple of 8 bytes; it depends on
/// names, types and shapes only. InvalidArgument for a type that is not known.
absl::StatusOr<std::string> safetensorsHeader(std::span<const SafetensorsTensor> tensors,
                                              const SafetensorsMetadata &metadata);

} // namespace llmc

#endif // LLMC_RUNTIME_CORE_SAFETENSORS_H
