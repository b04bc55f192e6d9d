// Reads little-endian values from a span without ever leaving it.
#ifndef LLMC_FRONTENDS_GGUF_FILE_BYTEREADER_H
#define LLMC_FRONTENDS_GGUF_FILE_BYTEREADER_H

#include "absl/strings/string_view.h"
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>

namespace llmc::gguf {

static_assert(std::endian::native == std::endian::little, "GGUF values are read as they stand");

// A value of a type that needs no alignment in memory.
template <class T>
T load(const uint8_t *bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

class ByteReader {
public:
  explicit ByteReader(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  uint64_t offset() const { return offset_; }
  uint64_t remaining() const { return bytes_.size() - offset_; }

  // Each of these leaves the reader where it was and returns false when too few bytes remain.
  template <class T>
  bool read(T &value) {
    if (remaining() < sizeof(T))
      return false;
    value = load<T>(bytes_.data() + offset_);
    offset_ += sizeof(T);
    return true;
  }
  bool skip(uint64_t count) {
    if (remaining() < count)
      return false;
    offset_ += count;
    return true;
  }
  // A u64 length and as many characters; the view points into the span.
  bool readString(absl::string_view &text) {
    uint64_t start = offset_, length;
    if (!read(length))
      return false;
    if (!skip(length)) {
      offset_ = start;
      return false;
    }
    text = {reinterpret_cast<const char *>(bytes_.data()) + offset_ - length, length};
    return true;
  }
  std::span<const uint8_t> since(uint64_t start) const {
    return bytes_.subspan(start, offset_ - start);
  }

private:
  std::span<const uint8_t> bytes_;
  uint64_t offset_ = 0;
};

} // namespace llmc::gguf

#endif
