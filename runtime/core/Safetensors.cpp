#include "runtime/core/Safetensors.h"

#include "runtime/core/FloatTypes.h"
#include "runtime/core/SafetensorsHeader.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>

namespace llmc {
namespace {

static_assert(std::endian::native == std::endian::little, "values are stored as they stand");

/// The limit of the format's reference implementation.
constexpr uint64_t kMostHeaderBytes = 100'000'000;

struct TypeSize {
  const char *name;
  uint64_t bytes;
};
constexpr TypeSize kTypes[] = {{"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E4M3", 1}, {"F8_E5M2", 1},
                               {"I16", 2},  {"U16", 2}, {"F16", 2}, {"BF16", 2},    {"I32", 4},
                               {"U32", 4},  {"F32", 4}, {"I64", 8}, {"U64", 8},     {"F64", 8}};

/// nullopt when the product does not fit.
std::optional<uint64_t> bytesOf(std::span<const uint64_t> shape, uint64_t elementBytes) {
  uint64_t bytes = elementBytes;
  for (uint64_t extent : shape)
    if (__builtin_mul_overflow(bytes, extent, &bytes))
      return std::nullopt;
  return bytes;
}

absl::Status badTensor(absl::string_view path, const SafetensorsRecord &record,
                       absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": tensor '",
                                                 absl::CHexEscape(record.name.substr(0, 120)), "' ",
                                                 what, "; the file is damaged, fetch it again"));
}

/// What is wrong with the record, or empty.
std::string problemOf(const SafetensorsRecord &record, uint64_t dataBytes) {
  const std::optional<uint64_t> element = safetensorsElementBytes(record.type);
  if (!element)
    return absl::StrCat("has the unknown type '", absl::CHexEscape(record.type.substr(0, 40)), "'");
  const auto [begin, end] = record.offsets;
  if (begin > end || end > dataBytes)
    return "lies outside of the file";
  if (bytesOf(record.shape, *element) != end - begin)
    return absl::StrCat("has ", end - begin, " bytes, which are not those of its shape [",
                        absl::StrJoin(record.shape, ", "), "]");
  return "";
}

} // namespace

std::optional<uint64_t> safetensorsElementBytes(absl::string_view type) {
  for (const TypeSize &known : kTypes)
    if (type == known.name)
      return known.bytes;
  return std::nullopt;
}

absl::StatusOr<SafetensorsFile> SafetensorsFile::open(absl::string_view path) {
  absl::StatusOr<MappedFile> mapping = MappedFile::open(path);
  if (!mapping.ok())
    return mapping.status();
  absl::StatusOr<SafetensorsFile> file = parse(mapping->bytes(), path);
  if (file.ok())
    file->mapping_ = *std::move(mapping);
  return file;
}

absl::StatusOr<SafetensorsFile> SafetensorsFile::parse(std::span<const uint8_t> bytes,
                                                       absl::string_view name) {
  const auto damaged = [&](absl::string_view what) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": ", what, "; the file is damaged or not a safetensors file"));
  };
  uint64_t headerBytes = 0;
  if (bytes.size() < sizeof(headerBytes))
    return damaged("too short");
  std::memcpy(&headerBytes, bytes.data(), sizeof(headerBytes));
  if (headerBytes > kMostHeaderBytes || headerBytes > bytes.size() - sizeof(headerBytes))
    return damaged("the header is longer than the file");
  absl::StatusOr<SafetensorsRecords> records = parseSafetensorsHeader(
      {reinterpret_cast<const char *>(bytes.data()) + sizeof(headerBytes), headerBytes});
  if (!records.ok())
    return damaged(absl::StrCat("header: ", records.status().message()));

  SafetensorsFile file;
  file.path_ = std::string(name);
  file.metadata_ = std::move(records->metadata);
  file.header_ = bytes.first(sizeof(headerBytes) + headerBytes);
  file.data_ = bytes.subspan(file.header_.size());
  for (SafetensorsRecord &record : records->tensors) {
    if (std::string problem = problemOf(record, file.data_.size()); !problem.empty())
      return badTensor(name, record, problem);
    if (!file.byName_.emplace(record.name, file.tensors_.size()).second)
      return badTensor(name, record, "is there twice");
    file.tensors_.push_back(
        {std::move(record.name), std::move(record.type), std::move(record.shape),
         file.data_.subspan(record.offsets[0], record.offsets[1] - record.offsets[0])});
  }

  std::vector<std::span<const uint8_t>> ranges;
  for (const SafetensorsTensor &tensor : file.tensors_)
    ranges.push_back(tensor.bytes);
  std::ranges::sort(ranges, {}, [](auto range) { return std::pair(range.data(), range.size()); });
  const uint8_t *next = file.data_.data();
  for (std::span<const uint8_t> range : ranges) {
    if (range.data() != next)
      return damaged("there are gaps or overlaps between tensors");
    next += range.size();
  }
  if (next != file.data_.data() + file.data_.size())
    return damaged("there are bytes that belong to no tensor");
  return file;
}

const SafetensorsTensor *SafetensorsFile::find(absl::string_view name) const {
  const auto found = byName_.find(name);
  return found == byName_.end() ? nullptr : &tensors_[found->second];
}

absl::StatusOr<std::vector<float>> safetensorsFloats(const SafetensorsTensor &tensor) {
  const std::optional<FloatType> type = findFloatType(tensor.type);
  if (!type)
    return absl::InvalidArgumentError(
        absl::StrCat("tensor '", tensor.name, "' is ", tensor.type, ", not F32, F16 or BF16"));
  std::vector<float> values(tensor.elements());
  decodeFloats(*type, tensor.bytes.data(), values);
  return values;
}

absl::StatusOr<std::string> safetensorsHeader(std::span<const SafetensorsTensor> tensors,
                                              const SafetensorsMetadata &metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty())
    header["__metadata__"] = metadata;
  uint64_t offset = 0;
  for (const SafetensorsTensor &tensor : tensors) {
    const std::optional<uint64_t> element = safetensorsElementBytes(tensor.type);
    const std::optional<uint64_t> bytes = element ? bytesOf(tensor.shape, *element) : std::nullopt;
    if (!bytes)
      return absl::InvalidArgumentError(
          absl::StrCat("tensor '", tensor.name, "' has a type or a shape that cannot be"));
    header[tensor.name] = {{"dtype", tensor.type},
                           {"shape", tensor.shape},
                           {"data_offsets", {offset, offset + *bytes}}};
    offset += *bytes;
  }
  std::string json = header.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  json.resize((json.size() + 7) / 8 * 8, ' ');
  const uint64_t length = json.size();
  return std::string(reinterpret_cast<const char *>(&length), sizeof(length)) + json;
}

absl::Status writeSafetensors(absl::string_view path, std::span<const SafetensorsTensor> tensors,
                              const SafetensorsMetadata &metadata) {
  for (const SafetensorsTensor &tensor : tensors)
    if (const std::optional<uint64_t> element = safetensorsElementBytes(tensor.type);
        !element || bytesOf(tensor.shape, *element) != tensor.bytes.size())
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": tensor '", tensor.name, "': its bytes are not those of its shape"));
  absl::StatusOr<std::string> header = safetensorsHeader(tensors, metadata);
  if (!header.ok())
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", header.status().message()));
  absl::StatusOr<AtomicFile> file = AtomicFile::create(path);
  if (!file.ok())
    return file.status();
  if (absl::Status status = file->write(*header); !status.ok())
    return status;
  for (const SafetensorsTensor &tensor : tensors)
    if (absl::Status status = file->write(tensor.bytes); !status.ok())
      return status;
  return file->commit();
}

} // namespace llmc
