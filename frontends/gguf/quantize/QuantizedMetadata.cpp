#include "frontends/gguf/quantize/QuantizedMetadata.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>

namespace llmc::quantize {
namespace {

constexpr uint32_t kQuantizationVersion = 2; // of ggml's block layouts
constexpr size_t kMostOverrideText = 127;    // llama.cpp cuts strings that it sets here

template <class T>
void replace(gguf::GgufWriter &writer, absl::Status &status, absl::string_view key,
             const T &value) {
  writer.remove(key);
  status.Update(writer.set(key, value));
}

// The types that an integer may be written as.
template <class Set>
bool setIntegerAs(gguf::ValueType type, int64_t value, Set set) {
  auto as = [&]<class T>(T) {
    if (!std::in_range<T>(value))
      return false;
    set(static_cast<T>(value));
    return true;
  };
  switch (type) {
  case gguf::ValueType::U8:
    return as(uint8_t());
  case gguf::ValueType::I8:
    return as(int8_t());
  case gguf::ValueType::U16:
    return as(uint16_t());
  case gguf::ValueType::I16:
    return as(int16_t());
  case gguf::ValueType::U32:
    return as(uint32_t());
  case gguf::ValueType::I32:
    return as(int32_t());
  case gguf::ValueType::U64:
    return as(uint64_t());
  case gguf::ValueType::I64:
    return as(int64_t());
  default:
    return false;
  }
}

absl::Status applyOverride(gguf::GgufWriter &writer, const gguf::GgufFile &source,
                           const MetadataOverride &override) {
  absl::Status status;
  auto set = [&](const auto &value) { replace(writer, status, override.key, value); };
  if (auto *integer = std::get_if<int64_t>(&override.value)) {
    const gguf::KeyValue *present = source.find(override.key);
    if (!present || !setIntegerAs(present->type, *integer, set))
      for (gguf::ValueType type :
           {gguf::ValueType::U32, gguf::ValueType::I32, gguf::ValueType::I64})
        if (setIntegerAs(type, *integer, set))
          break;
  } else if (auto *real = std::get_if<double>(&override.value)) {
    set(static_cast<float>(*real));
  } else if (auto *truth = std::get_if<bool>(&override.value)) {
    set(*truth);
  } else {
    set(std::get<std::string>(override.value));
  }
  return status;
}

// Bytes of an array's element; nothing for those that differ in size.
std::optional<size_t> elementBytes(const gguf::KeyValue &array) {
  if (array.count == 0 || array.elementType == gguf::ValueType::String)
    return std::nullopt;
  return array.value.size() / array.count;
}

// Takes the blocks that are left out from what the model says of each block.
absl::Status pruneMetadata(gguf::GgufWriter &writer, const gguf::GgufFile &source,
                           const QuantizationPlan &plan) {
  const std::vector<uint32_t> &pruned = plan.options.prunedBlocks;
  absl::StatusOr<std::string> architecture = source.get<std::string>("general.architecture");
  if (!architecture.ok())
    return architecture.status();
  const std::string prefix = absl::StrCat(*architecture, ".");
  absl::Status status;
  for (const gguf::KeyValue &value : source.keyValues()) {
    if (value.type != gguf::ValueType::Array || value.count != plan.blocks ||
        !absl::StartsWith(value.key, prefix))
      continue;
    std::optional<size_t> bytes = elementBytes(value);
    if (!bytes)
      continue;
    // Key, type and element type as they are, then the count and the elements.
    const uint64_t count = value.count - pruned.size();
    std::vector<uint8_t> record(value.record.begin(),
                                value.record.end() - value.value.size() - sizeof count);
    const auto *countBytes = reinterpret_cast<const uint8_t *>(&count);
    record.insert(record.end(), countBytes, countBytes + sizeof count);
    for (uint64_t i = 0; i < value.count; ++i)
      if (!std::ranges::binary_search(pruned, i)) {
        auto element = value.value.subspan(i * *bytes, *bytes);
        record.insert(record.end(), element.begin(), element.end());
      }
    gguf::KeyValue shorter = value;
    shorter.record = record;
    status.Update(writer.copy(shorter));
  }
  replace(writer, status, absl::StrCat(prefix, "block_count"),
          static_cast<uint32_t>(plan.blocks - pruned.size()));
  return status;
}

} // namespace

absl::Status writeMetadata(gguf::GgufWriter &writer, const gguf::GgufFile &source,
                           const QuantizationPlan &plan, const ImportanceMatrix *importance) {
  absl::Status status = writer.copyMetadata(source);
  // Last, as llama-quantize has them.
  auto set = [&](absl::string_view key, const auto &value) { replace(writer, status, key, value); };
  set("general.quantization_version", kQuantizationVersion);
  const FileType &type = *plan.options.fileType;
  uint32_t id = static_cast<uint32_t>(type.id);
  set("general.file_type",
      type.copies() ? source.getOr<uint32_t>("general.file_type", id).value_or(id) : id);
  if (importance) {
    set("quantize.imatrix.file", importance->path().substr(0, kMostOverrideText));
    if (!importance->dataset().empty())
      set("quantize.imatrix.dataset", importance->dataset().substr(0, kMostOverrideText));
    set("quantize.imatrix.entries_count", static_cast<uint32_t>(importance->size()));
    if (importance->chunks() > 0)
      set("quantize.imatrix.chunks_count", importance->chunks());
  }
  if (!plan.options.prunedBlocks.empty())
    status.Update(pruneMetadata(writer, source, plan));
  for (const MetadataOverride &override : plan.options.overrides)
    status.Update(applyOverride(writer, source, override));
  return status;
}

absl::Status writeSplitMetadata(gguf::GgufWriter &writer, unsigned part, unsigned parts,
                                size_t tensors) {
  absl::Status status = writer.set("split.no", static_cast<uint16_t>(part));
  status.Update(writer.set("split.count", static_cast<uint16_t>(parts)));
  status.Update(writer.set("split.tensors.count", static_cast<int32_t>(tensors)));
  return status;
}

} // namespace llmc::quantize
