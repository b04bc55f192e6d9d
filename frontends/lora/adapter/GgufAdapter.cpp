#include "frontends/lora/adapter/GgufAdapter.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "dialects/llm/Formats/BlockCodec.h"
#include "frontends/gguf/file/GgufText.h"
#include "frontends/gguf/file/GgufWriter.h"
#include "frontends/gguf/file/TensorTypes.h"
#include <array>
#include <cmath>
#include <limits>

namespace llmc::lora {
namespace {

constexpr absl::string_view kSuffixA = ".lora_a", kSuffixB = ".lora_b", kNorm = "_norm.weight";
constexpr absl::string_view kTable = "token_embd.weight";

absl::Status bad(const std::string &path, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", what));
}

// "general.type" must be "adapter", and so on.
absl::Status expectText(const gguf::GgufFile &file, absl::string_view key,
                        absl::string_view wanted) {
  absl::StatusOr<std::string> text = file.getOr<std::string>(key, "");
  if (!text.ok())
    return text.status();
  if (*text != wanted)
    return bad(file.path(), absl::StrCat(key, " is ", gguf::inQuotes(*text), ", not '", wanted,
                                         "': this is not a LoRA adapter"));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<float>> readValues(const gguf::GgufFile &file,
                                              const gguf::TensorInfo &tensor) {
  if (!tensor.format)
    return bad(file.path(), absl::StrCat(gguf::inQuotes(tensor.name), " is ",
                                         gguf::ggmlTypeName(tensor.ggmlType),
                                         "; write the adapter as F32, F16, BF16 or Q8_0"));
  // Rows are whole blocks, so that all of them are one.
  std::vector<float> values(tensor.elements());
  decodeRow(*tensor.format, tensor.data, values.size(), values.data());
  return values;
}

absl::StatusOr<AdapterMatrix> readMatrix(const gguf::GgufFile &file, const std::string &weight,
                                         const gguf::TensorInfo &a, const gguf::TensorInfo &b,
                                         float alpha) {
  if (a.shape.size() != 2 || b.shape.size() != 2)
    return bad(file.path(), absl::StrCat(gguf::inQuotes(weight),
                                         ": its lora_a and lora_b are not two-dimensional"));
  AdapterMatrix matrix;
  matrix.weight = weight;
  matrix.lookup = weight == kTable;
  matrix.rank = b.shape[0];
  matrix.inputs = matrix.lookup ? a.shape[1] : a.shape[0];
  matrix.outputs = b.shape[1];
  if ((matrix.lookup ? a.shape[0] : a.shape[1]) != matrix.rank)
    return bad(file.path(), absl::StrCat(gguf::inQuotes(weight),
                                         ": the ranks of its lora_a and lora_b differ; the file is "
                                         "damaged, train or convert it again"));
  // llama.cpp takes alpha 0 to mean a scale of 1.
  matrix.alpha = alpha == 0 ? static_cast<float>(matrix.rank) : alpha;
  for (auto [tensor, values] : {std::pair(&a, &matrix.a), std::pair(&b, &matrix.b)}) {
    absl::StatusOr<std::vector<float>> read = readValues(file, *tensor);
    if (!read.ok())
      return read.status();
    *values = *std::move(read);
  }
  return matrix;
}

std::vector<float> scaled(const std::vector<float> &values, double factor) {
  std::vector<float> out(values);
  if (factor != 1)
    for (float &value : out)
      value = static_cast<float>(value * factor);
  return out;
}

absl::Status writeValues(gguf::GgufWriter &writer, const std::string &path, const std::string &name,
                         std::span<const float> values, FloatType type) {
  std::vector<uint8_t> bytes(values.size() * floatTypeBytes(type));
  encodeFloats(type, values, bytes.data());
  std::vector<float> stored(values.size());
  decodeFloats(type, bytes.data(), stored);
  for (float value : stored)
    if (!std::isfinite(value))
      return bad(path, absl::StrCat(gguf::inQuotes(name), ": a value does not fit into ",
                                    floatTypeName(type), "; write the adapter as F32"));
  return writer.writeTensor(name, bytes);
}

absl::Status setMetadata(gguf::GgufWriter &writer, const Adapter &adapter, const BaseModel &base,
                         float alpha) {
  const std::array<std::pair<const char *, std::string>, 3> texts = {
      {{"general.type", "adapter"},
       {"general.architecture", adapter.architecture},
       {"adapter.type", "lora"}}};
  for (const auto &[key, value] : texts)
    if (absl::Status status = writer.set(key, value); !status.ok())
      return status;
  if (absl::Status status = writer.set("adapter.lora.alpha", alpha); !status.ok())
    return status;
  if (!adapter.name.empty())
    if (absl::Status status = writer.set("general.name", adapter.name); !status.ok())
      return status;
  if (base.name().empty())
    return absl::OkStatus();
  if (absl::Status status = writer.set<uint32_t>("general.base_model.count", 1); !status.ok())
    return status;
  return writer.set("general.base_model.0.name", base.name());
}

} // namespace

absl::StatusOr<Adapter> readGgufAdapter(const std::string &path, const BaseModel &base) {
  absl::StatusOr<std::shared_ptr<gguf::GgufFile>> opened = gguf::GgufFile::open(path);
  if (!opened.ok())
    return opened.status();
  const gguf::GgufFile &file = **opened;
  for (auto [key, wanted] :
       {std::pair("general.type", "adapter"), std::pair("adapter.type", "lora")})
    if (absl::Status status = expectText(file, key, wanted); !status.ok())
      return status;
  Adapter adapter;
  adapter.path = path;
  absl::StatusOr<std::string> architecture = file.get<std::string>("general.architecture");
  if (!architecture.ok())
    return architecture.status();
  adapter.architecture = *architecture;
  absl::StatusOr<std::string> name = file.getOr<std::string>("general.name", "");
  if (!name.ok())
    return name.status();
  adapter.name = *name;
  absl::StatusOr<float> alpha = file.get<float>("adapter.lora.alpha");
  if (!alpha.ok())
    return alpha.status();

  for (const gguf::TensorInfo &tensor : file.tensors()) {
    absl::string_view weight = tensor.name;
    if (absl::ConsumeSuffix(&weight, kSuffixA)) {
      const gguf::TensorInfo *b = file.findTensor(absl::StrCat(weight, kSuffixB));
      if (!b)
        return bad(path, absl::StrCat(gguf::inQuotes(tensor.name), " has no lora_b beside it"));
      absl::StatusOr<AdapterMatrix> matrix =
          readMatrix(file, std::string(weight), tensor, *b, *alpha);
      if (!matrix.ok())
        return matrix.status();
      adapter.matrices.push_back(*std::move(matrix));
    } else if (absl::ConsumeSuffix(&weight, kSuffixB)) {
      if (!file.findTensor(absl::StrCat(weight, kSuffixA)))
        return bad(path, absl::StrCat(gguf::inQuotes(tensor.name), " has no lora_a beside it"));
    } else if (absl::EndsWith(tensor.name, kNorm)) {
      adapter.ignored.push_back(tensor.name);
    } else {
      return bad(path, absl::StrCat(gguf::inQuotes(tensor.name), " is neither lora_a nor lora_b; ",
                                    "only LoRA adapters can be read"));
    }
  }
  return adapter;
}

absl::Status writeGgufAdapter(const Adapter &adapter, const BaseModel &base,
                              const std::string &path, FloatType type) {
  if (absl::Status status = checkAdapter(adapter, base); !status.ok())
    return status;
  for (const AdapterMatrix &matrix : adapter.matrices)
    if (matrix.dora)
      return absl::InvalidArgumentError(absl::StrCat(
          path, ": GGUF adapters have no magnitudes, which DoRA needs; write a PEFT directory"));
  absl::StatusOr<std::unique_ptr<gguf::GgufWriter>> created = gguf::GgufWriter::create(path);
  if (!created.ok())
    return created.status();
  gguf::GgufWriter &writer = **created;
  // 0 would be read as a scale of 1.
  const float first = adapter.matrices.front().alpha;
  const float alpha = first == 0 ? 1 : first;
  if (absl::Status status = setMetadata(writer, adapter, base, alpha); !status.ok())
    return status;

  const auto ggmlType = static_cast<uint32_t>(type);
  const uint64_t each = floatTypeBytes(type);
  for (const AdapterMatrix &matrix : adapter.matrices) {
    const std::array<uint64_t, 2> a = {matrix.lookup ? matrix.rank : matrix.inputs,
                                       matrix.lookup ? matrix.inputs : matrix.rank};
    const std::array<uint64_t, 2> b = {matrix.rank, matrix.outputs};
    if (absl::Status status = writer.addTensor(absl::StrCat(matrix.weight, kSuffixA), a, ggmlType,
                                               matrix.a.size() * each);
        !status.ok())
      return status;
    if (absl::Status status = writer.addTensor(absl::StrCat(matrix.weight, kSuffixB), b, ggmlType,
                                               matrix.b.size() * each);
        !status.ok())
      return status;
  }
  for (const AdapterMatrix &matrix : adapter.matrices) {
    if (absl::Status status =
            writeValues(writer, path, absl::StrCat(matrix.weight, kSuffixA), matrix.a, type);
        !status.ok())
      return status;
    if (absl::Status status = writeValues(writer, path, absl::StrCat(matrix.weight, kSuffixB),
                                          scaled(matrix.b, double(matrix.alpha) / alpha), type);
        !status.ok())
      return status;
  }
  return writer.finish();
}

} // namespace llmc::lora
