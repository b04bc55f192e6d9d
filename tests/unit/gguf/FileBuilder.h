// Puts GGUF bytes together from the format's description, independently of GgufWriter, and lets a
// test make each part of them wrong.
#ifndef LLMC_TESTS_UNIT_GGUF_FILEBUILDER_H
#define LLMC_TESTS_UNIT_GGUF_FILEBUILDER_H

#include "absl/strings/string_view.h"
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace llmc::gguf::testing {

using Bytes = std::vector<uint8_t>;

template <class T>
void put(Bytes &out, T value) {
  const auto *bytes = reinterpret_cast<const uint8_t *>(&value);
  out.insert(out.end(), bytes, bytes + sizeof(T));
}

inline void putString(Bytes &out, absl::string_view text) {
  put<uint64_t>(out, text.size());
  out.insert(out.end(), text.begin(), text.end());
}

template <class... T>
Bytes packed(T... values) {
  Bytes out;
  (put(out, values), ...);
  return out;
}

inline Bytes packedString(absl::string_view text) {
  Bytes out;
  putString(out, text);
  return out;
}

inline Bytes operator+(Bytes a, const Bytes &b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

struct FileBuilder {
  struct Tensor {
    std::string name;
    std::vector<uint64_t> shape;
    uint32_t type;
    uint64_t offset;
    std::optional<uint32_t> dims = {}; // said instead of the shape's length
  };

  std::string magic = "GGUF";
  uint32_t version = 3;
  std::optional<uint64_t> tensorCount, keyCount; // said instead of the true ones
  std::vector<Bytes> records;
  std::vector<Tensor> tensors;
  uint64_t alignment = 32;
  Bytes data;

  void key(absl::string_view name, uint32_t type, const Bytes &value) {
    records.push_back(packedString(name) + packed(type) + value);
  }
  void array(absl::string_view name, uint32_t type, uint64_t count, const Bytes &elements) {
    key(name, 9, packed(type, count) + elements);
  }

  Bytes build() const {
    Bytes out(magic.begin(), magic.end());
    put(out, version);
    put<uint64_t>(out, tensorCount.value_or(tensors.size()));
    put<uint64_t>(out, keyCount.value_or(records.size()));
    for (const Bytes &record : records)
      out = out + record;
    for (const Tensor &tensor : tensors) {
      putString(out, tensor.name);
      put<uint32_t>(out, tensor.dims.value_or(tensor.shape.size()));
      for (uint64_t extent : tensor.shape)
        put(out, extent);
      put(out, tensor.type);
      put(out, tensor.offset);
    }
    if (!tensors.empty())
      while (out.size() % alignment != 0)
        out.push_back(0);
    return out + data;
  }
};

// A file with a key of each type and three tensors. Its last byte belongs to the last tensor.
inline FileBuilder sampleFile() {
  FileBuilder file;
  file.key("general.architecture", 8, packedString("llama"));
  file.key("t.u8", 0, packed(uint8_t(200)));
  file.key("t.i8", 1, packed(int8_t(-5)));
  file.key("t.u16", 2, packed(uint16_t(60000)));
  file.key("t.i16", 3, packed(int16_t(-300)));
  file.key("t.u32", 4, packed(uint32_t(4000000000)));
  file.key("t.i32", 5, packed(int32_t(-70000)));
  file.key("t.f32", 6, packed(0.5f));
  file.key("t.bool", 7, packed(uint8_t(1)));
  file.key("t.u64", 10, packed(uint64_t(1) << 63));
  file.key("t.i64", 11, packed(int64_t(-1) << 40));
  file.key("t.f64", 12, packed(1e300));
  file.array("a.i32", 5, 3, packed(int32_t(1), int32_t(-2), int32_t(3)));
  file.array("a.u8", 0, 2, packed(uint8_t(7), uint8_t(255)));
  file.array("a.f32", 6, 2, packed(1.5f, -2.0f));
  file.array("a.bool", 7, 3, packed(uint8_t(1), uint8_t(0), uint8_t(1)));
  file.array("a.string", 8, 3, packedString("<s>") + packedString("") + packedString("a\nb"));
  file.array("a.empty", 5, 0, {});
  file.tensors = {{"norm", {8}, 0, 0}, {"weight", {32, 2}, 8, 32}, {"raw", {60}, 24, 128}};
  file.data.resize(188);
  for (size_t i = 0; i < file.data.size(); ++i)
    file.data[i] = static_cast<uint8_t>(i * 7 + 1);
  return file;
}

} // namespace llmc::gguf::testing

#endif
