#include "frontends/gguf/shape/ModelShape.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "frontends/gguf/file/GgufText.h"
#include "frontends/gguf/shape/ArchitectureTables.h"
#include "frontends/gguf/shape/HeaderBytes.h"
#include <vector>

namespace llmc::gguf {
namespace {

constexpr absl::string_view kPrefix = "shape:";
constexpr absl::string_view kDefaultType = "q4_0";
constexpr ModelShape kShapes[] = {
    {"tinyllama-1.1b", "llama", 2048, 22, 32, 4, 5632, 1e4f, 2048, 32000, false},
    {"llama3.2-1b", "llama", 2048, 16, 32, 8, 8192, 5e5f, 8192, 128256, true},
    {"openllama-3b", "llama", 3200, 26, 32, 32, 8640, 1e4f, 2048, 32000, false},
    {"llama2-7b", "llama", 4096, 32, 32, 32, 11008, 1e4f, 4096, 32000, false},
    {"llama3-8b", "llama", 4096, 32, 32, 8, 14336, 5e5f, 8192, 128256, false},
    {"qwen2.5-0.5b", "qwen2", 896, 24, 14, 2, 4864, 1e6f, 32768, 151936, true},
    {"qwen2.5-1.5b", "qwen2", 1536, 28, 12, 2, 8960, 1e6f, 32768, 151936, true},
    {"qwen3-0.6b", "qwen3", 1024, 28, 16, 8, 3072, 1e6f, 40960, 151936, true, {.keyLength = 128}},
    {"qwen3-1.7b", "qwen3", 2048, 28, 16, 8, 6144, 1e6f, 40960, 151936, true, {.keyLength = 128}},
    {"pythia-1.4b", "gptneox", 2048, 24, 16, 16, 8192, 1e4f, 2048, 50304, false, {.ropeDims = 32}},
    {"starcoder2-3b", "starcoder2", 3072, 30, 24, 2, 12288, 999999.4f, 16384, 49152, true},
    {"phi-3-mini", "phi3", 3072, 32, 32, 32, 8192, 1e4f, 4096, 32064, false, {.window = 2047}},
    {"gemma-2-2b",
     "gemma2",
     2304,
     26,
     8,
     4,
     9216,
     1e4f,
     8192,
     256000,
     true,
     {.keyLength = 256, .window = 4096}},
    {"gemma-3-1b",
     "gemma3",
     1152,
     26,
     4,
     1,
     6912,
     1e6f,
     32768,
     262144,
     true,
     {.keyLength = 256, .window = 512}},
    {"mixtral-8x7b",
     "mixtral",
     4096,
     32,
     32,
     8,
     14336,
     1e6f,
     32768,
     32000,
     false,
     {.experts = 8, .expertsUsed = 2}},
    {"qwen3-30b-a3b",
     "qwen3moe",
     2048,
     48,
     32,
     4,
     768,
     1e6f,
     40960,
     151936,
     false,
     {.keyLength = 128, .experts = 128, .expertsUsed = 8}},
};

// The records of a shape. Remembers rows that are no whole number of blocks.
class ShapeFile {
public:
  ShapeFile(const ModelShape &shape, const BlockFormat &format)
      : shape_(shape), table_(architectureOf(shape)), format_(format) {}

  std::vector<uint8_t> bytes() {
    out_.key("general.architecture", absl::string_view(table_.name));
    out_.key("general.name", absl::string_view(shape_.name));
    for (const KeyRow &row : table_.keys)
      std::visit([&](auto value) { out_.key(absl::StrCat(table_.name, ".", row.name), value); },
                 row.value(shape_));
    tensor("", {"token_embd.weight", Extent::Vocabulary, Extent::Width});
    for (const TensorRow &row : table_.last)
      tensor("", row);
    if (!shape_.tied)
      tensor("", {"output.weight", Extent::Vocabulary, Extent::Width});
    for (uint32_t layer = 0; layer < shape_.layers; ++layer)
      for (const TensorRow &row : table_.layer)
        tensor(absl::StrCat("blk.", layer, "."), row);
    return std::move(out_).finish();
  }

  // Of a row that the format cannot hold; 0 if there is none.
  uint64_t oddColumns() const { return oddColumns_; }

private:
  void tensor(absl::string_view prefix, const TensorRow &row) {
    const bool vector = row.columns == Extent::None;
    const BlockFormat &format = vector || row.alwaysF32 ? *findBlockFormat("f32") : format_;
    std::vector<uint64_t> extents;
    if (!vector)
      extents.push_back(extentOf(row.columns, shape_));
    extents.push_back(extentOf(row.rows, shape_));
    if (row.perExpert)
      extents.push_back(shape_.options.experts);
    if (extents.front() % format.weights != 0)
      oddColumns_ = extents.front();
    else
      out_.tensor(absl::StrCat(prefix, row.name), extents, format);
  }

  const ModelShape &shape_;
  const ArchitectureTable &table_;
  const BlockFormat &format_;
  HeaderBytes out_;
  uint64_t oddColumns_ = 0;
};

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
  ShapeFile records(*shape, *format);
  std::vector<uint8_t> bytes = records.bytes();
  if (records.oddColumns())
    return absl::InvalidArgumentError(absl::StrCat(
        place, ": rows of ", records.oddColumns(), " weights are no whole number of blocks of ",
        format->weights, "; choose a type with smaller blocks, such as q4_0"));

  struct Holder {
    std::vector<uint8_t> bytes;
    std::shared_ptr<GgufFile> file;
  };
  auto holder = std::make_shared<Holder>();
  holder->bytes = std::move(bytes);
  absl::StatusOr<std::shared_ptr<GgufFile>> file =
      GgufFile::parse(holder->bytes, path, {.headerOnly = true});
  if (!file.ok())
    return file.status();
  holder->file = *std::move(file);
  return std::shared_ptr<GgufFile>(holder, holder->file.get());
}

} // namespace llmc::gguf
