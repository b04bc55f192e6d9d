#ifndef LLMC_RUNTIME_CORE_SAFETENSORSHEADER_H
#define LLMC_RUNTIME_CORE_SAFETENSORSHEADER_H

#include "runtime/core/Safetensors.h"

#include <array>

namespace llmc {

/// A record of the JSON header as it stands there, unchecked but for its form.
struct SafetensorsRecord {
  std::string name, type;
  std::vector<uint64_t> shape;
  std::array<uint64_t, 2> offsets{};
};

struct SafetensorsRecords {
  std::vector<SafetensorsRecord> tensors;
  SafetensorsMetadata metadata;
};

/// Reads the JSON of a header. It is parsed as a stream that accepts this one form, so that hostile
/// JSON cannot make a tree many times its size. The error says what is wrong, without a file.
absl::StatusOr<SafetensorsRecords> parseSafetensorsHeader(absl::string_view json);

} // namespace llmc

#endif // LLMC_RUNTIME_CORE_SAFETENSORSHEADER_H
