#include "frontends/gguf/shape/ModelShape.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "frontends/gguf/file/GgufText.h"
#include <vector>

namespace llmc::gguf {
namespace {

constexpr absl::string_view kPrefix = "shape:";
constexpr absl::string_view kDefaultType = "q4_0";
constexpr uint64_t kAlignment = 32;

constexpr ModelShape kShapes[] = {
    {"tinyllama-1.1b", 2048, 22, 32, 4, 5632, 1e4f, 2048, 32000, false},
    {"llama3.2-1b", 2048, 16, 32, 8, 8192, 5e5f, 8192, 128256, true},
    {"openllama-3b", 3200, 26, 32, 32, 8640, 1e4f, 2048, 32000, false},
    {"llama2-7b", 4096, 32, 32, 32, 11008, 1e4f, 4096, 32000, false},
    {"llama3-8b", 4096, 32, 32, 8, 14336, 5e5f, 8192, 128256, false},
};

// The records of a GGUF file one after the other.
class HeaderBytes {
public:
  void putText(absl::string_view text) {
    put<uint64_t>(text.size());
    bytes_.insert(bytes_.end(), text.begin(), text.end());
  }
  template <class T>
  void put(T value) {
    const auto *bytes = reinterpret_cast<const uint8_t *>(&value);
    bytes_.insert(bytes_.end(), bytes, bytes + sizeof(T));
  }
  void key(absl::string_view name, uint32_t value) { record(name, ValueType::U32, value); }
  void key(absl::string_view name, float value) { record(name, ValueType::F32, value); }
  void key(absl::string_view name, absl::string_view value) {
    begin(name, ValueType::String);
    putText(value);
  }
  // `columns` 0 makes a vector.
  void tensor(absl::string_view name, uint64_t rows, uint64_t columns, const BlockFormat &format) {
    putText(absl::StrCat(name, ".weight"));
    put<uint32_t>(columns ? 2 : 1);
    if (columns)
      put<uint64_t>(columns);
    put<uint64_t>(rows);
    put<uint32_t>(format.ggmlType);
    put<uint64_t>(dataOffset_);
    const uint64_t bytes = columns ? rows * format.rowBytes(columns) : format.rowBytes(rows);
    dataOffset_ += (bytes + kAlignment - 1) / kAlignment * kAlignment;
    ++tensors_;
  }

  std::vector<uint8_t> finish() && {
    std::vector<uint8_t> body = std::move(bytes_);
    bytes_ = {'G', 'G', 'U', 'F'};
    put<uint32_t>(3);
    put<uint64_t>(tensors_);
    put<uint64_t>(keys_);
    bytes_.insert(bytes_.end(), body.begin(), body.end());
    return std::move(bytes_);
  }

private:
  void begin(absl::string_view name, ValueType type) {
    ++keys_;
    putText(name);
    put(static_cast<uint32_t>(type));
  }
  template <class T>
  void record(absl::string_view name, ValueType type, T value) {
    begin(name, type);
    put(value);
  }

  std::vector<uint8_t> bytes_;
  uint64_t keys_ = 0, tensors_ = 0, dataOffset_ = 0;
};

std::vector<uint8_t> headerOf(const ModelShape &shape, const BlockFormat &format) {
  HeaderBytes out;
  out.key("general.architecture", "llama");
  out.key("general.name", shape.name);
  out.key("llama.context_length", shape.contextLength);
  out.key("llama.embedding_length", shape.width);
  out.key("llama.block_count", shape.layers);
  out.key("llama.feed_forward_length", shape.feedForward);
  out.key("llama.attention.head_count", shape.heads);
  out.key("llama.attention.head_count_kv", shape.kvHeads);
  out.key("llama.attention.layer_norm_rms_epsilon", 1e-5f);
  out.key("llama.rope.dimension_count", shape.width / shape.heads);
  out.key("llama.rope.freq_base", shape.ropeBase);

  const BlockFormat &f32 = *findBlockFormat("f32");
  const uint64_t kvWidth = uint64_t(shape.kvHeads) * (shape.width / shape.heads);
  out.tensor("token_embd", shape.vocabulary, shape.width, format);
  out.tensor("output_norm", shape.width, 0, f32);
  if (!shape.tied)
    out.tensor("output", shape.vocabulary, shape.width, format);
  for (uint32_t layer = 0; layer < shape.layers; ++layer) {
    auto name = [&](absl::string_view rest) { return absl::StrCat("blk.", layer, ".", rest); };
    out.tensor(name("attn_norm"), shape.width, 0, f32);
    out.tensor(name("attn_q"), shape.width, shape.width, format);
    out.tensor(name("attn_k"), kvWidth, shape.width, format);
    out.tensor(name("attn_v"), kvWidth, shape.width, format);
    out.tensor(name("attn_output"), shape.width, shape.width, format);
    out.tensor(name("ffn_norm"), shape.width, 0, f32);
    out.tensor(name("ffn_gate"), shape.feedForward, shape.width, format);
    out.tensor(name("ffn_up"), shape.feedForward, shape.width, format);
    out.tensor(name("ffn_down"), shape.width, shape.feedForward, format);
  }
  return std::move(out).finish();
}

const BlockFormat *findType(absl::string_view name) {
  for (const BlockFormat &format : blockFormats())
    if (absl::EqualsIgnoreCase(name, format.name))
      return &format;
  return nullptr;
}

std::string typeNames() {
  return absl::StrJoin(blockFormats(), ", ", [](std::string *out, const BlockFormat &format) {
    absl::StrAppend(out, format.name);
  });
}

} // namespace

std::span<const ModelShape> modelShapes() { return kShapes; }

std::string modelShapeNames() {
  return absl::StrJoin(kShapes, ", ", [](std::string *out, const ModelShape &shape) {
    absl::StrAppend(out, shape.name);
  });
}

bool isShapePath(absl::string_view path) { return absl::StartsWith(path, kPrefix); }

absl::StatusOr<std::shared_ptr<GgufFile>> openShape(absl::string_view path) {
  const std::string place = printable(path, 80);
  std::vector<absl::string_view> parts = absl::StrSplit(path, absl::MaxSplits(':', 2));
  const ModelShape *shape = nullptr;
  for (const ModelShape &candidate : kShapes)
    if (parts.size() >= 2 && absl::EqualsIgnoreCase(parts[1], candidate.name))
      shape = &candidate;
  if (!shape)
    return absl::InvalidArgumentError(
        absl::StrCat(place, ": no such shape; known are ", modelShapeNames()));
  const BlockFormat *format = findType(parts.size() == 3 ? parts[2] : kDefaultType);
  if (!format)
    return absl::InvalidArgumentError(
        absl::StrCat(place, ": no such type of weights; known are ", typeNames()));
  for (uint32_t columns : {shape->width, shape->feedForward})
    if (columns % format->weights != 0)
      return absl::InvalidArgumentError(
          absl::StrCat(place, ": rows of ", columns, " weights are no whole number of blocks of ",
                       format->weights, "; choose a type with smaller blocks, such as q4_0"));

  struct Holder {
    std::vector<uint8_t> bytes;
    std::shared_ptr<GgufFile> file;
  };
  auto holder = std::make_shared<Holder>();
  holder->bytes = headerOf(*shape, *format);
  absl::StatusOr<std::shared_ptr<GgufFile>> file =
      GgufFile::parse(holder->bytes, path, {.headerOnly = true});
  if (!file.ok())
    return file.status();
  holder->file = *std::move(file);
  return std::shared_ptr<GgufFile>(holder, holder->file.get());
}

} // namespace llmc::gguf
