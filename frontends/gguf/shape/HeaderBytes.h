// The bytes of a GGUF file's records, one after the other, without any tensor data.
#ifndef LLMC_FRONTENDS_GGUF_SHAPE_HEADERBYTES_H
#define LLMC_FRONTENDS_GGUF_SHAPE_HEADERBYTES_H

#include "absl/strings/string_view.h"
#include "frontends/gguf/file/GgufFile.h"
#include <vector>

namespace llmc::gguf {

class HeaderBytes {
public:
  void key(absl::string_view name, uint32_t value) { record(name, ValueType::U32, value); }
  void key(absl::string_view name, float value) { record(name, ValueType::F32, value); }
  void key(absl::string_view name, bool value) { record(name, ValueType::Bool, value); }
  void key(absl::string_view name, absl::string_view value);
  // `shape` as GGUF has it, the length of a row first; it must be a whole number of blocks.
  void tensor(absl::string_view name, const std::vector<uint64_t> &shape,
              const BlockFormat &format);

  std::vector<uint8_t> finish() &&;

private:
  void putText(absl::string_view text);
  template <class T>
  void put(T value) {
    const auto *bytes = reinterpret_cast<const uint8_t *>(&value);
    bytes_.insert(bytes_.end(), bytes, bytes + sizeof(T));
  }
  void begin(absl::string_view name, ValueType type);
  template <class T>
  void record(absl::string_view name, ValueType type, T value) {
    begin(name, type);
    put(value);
  }

  std::vector<uint8_t> bytes_;
  uint64_t keys_ = 0, tensors_ = 0, dataOffset_ = 0;
};

} // namespace llmc::gguf

#endif
