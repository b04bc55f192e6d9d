#include "frontends/gguf/shape/HeaderBytes.h"

namespace llmc::gguf {
namespace {

constexpr uint64_t kAlignment = 32;
constexpr uint32_t kVersion = 3;

} // namespace

void HeaderBytes::key(absl::string_view name, absl::string_view value) {
  begin(name, ValueType::String);
  putText(value);
}

void HeaderBytes::tensor(absl::string_view name, const std::vector<uint64_t> &shape,
                         const BlockFormat &format) {
  putText(name);
  put<uint32_t>(shape.size());
  uint64_t bytes = format.rowBytes(shape.front());
  for (uint64_t extent : shape)
    put(extent);
  for (size_t i = 1; i < shape.size(); ++i)
    bytes *= shape[i];
  put<uint32_t>(format.ggmlType);
  put<uint64_t>(dataOffset_);
  dataOffset_ += (bytes + kAlignment - 1) / kAlignment * kAlignment;
  ++tensors_;
}

std::vector<uint8_t> HeaderBytes::finish() && {
  std::vector<uint8_t> body = std::move(bytes_);
  bytes_ = {'G', 'G', 'U', 'F'};
  put(kVersion);
  put(tensors_);
  put(keys_);
  bytes_.insert(bytes_.end(), body.begin(), body.end());
  return std::move(bytes_);
}

void HeaderBytes::putText(absl::string_view text) {
  put<uint64_t>(text.size());
  bytes_.insert(bytes_.end(), text.begin(), text.end());
}

void HeaderBytes::begin(absl::string_view name, ValueType type) {
  ++keys_;
  putText(name);
  put(static_cast<uint32_t>(type));
}

} // namespace llmc::gguf
