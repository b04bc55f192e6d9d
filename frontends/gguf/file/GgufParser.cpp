#include "frontends/gguf/file/GgufParser.h"

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "frontends/gguf/file/ByteReader.h"
#include "frontends/gguf/file/GgufText.h"
#include "frontends/gguf/file/GgufValues.h"
#include "frontends/gguf/file/TensorTypes.h"
#include <algorithm>
#include <bit>
#include <cstdint>
#include <string>
#include <utility>

namespace llmc::gguf {
namespace {

// The fewest bytes that a record can have: a key of one byte with a value of one byte, a tensor
// with a name of one byte and one extent.
constexpr uint64_t leastKeyValueBytes = 8 + 1 + 4 + 1;
constexpr uint64_t leastTensorBytes = 8 + 1 + 4 + 8 + 4 + 8;

class Parser {
public:
  Parser(std::span<const uint8_t> bytes, absl::string_view name, const OpenOptions &options)
      : bytes_(bytes), name_(name), options_(options), reader_(bytes) {}

  absl::StatusOr<ParsedFile> parse();

private:
  absl::Status parseHeader(uint64_t &tensorCount, uint64_t &keyValueCount);
  absl::Status parseKeyValue(uint64_t index);
  absl::Status parseValue(KeyValue &keyValue);
  absl::Status parseArray(KeyValue &keyValue);
  absl::Status parseAlignment();
  absl::Status parseTensor(uint64_t index);
  absl::Status placeTensors();

  // "FILE: byte N: PROBLEM; REMEDY", N being where the reader stands.
  absl::Status error(absl::string_view problem, absl::string_view remedy = damagedRemedy) const {
    return errorAt(reader_.offset(), problem, remedy);
  }
  absl::Status errorAt(uint64_t offset, absl::string_view problem,
                       absl::string_view remedy = damagedRemedy) const {
    return absl::InvalidArgumentError(
        absl::StrCat(name_, ": byte ", offset, ": ", problem, "; ", remedy));
  }
  absl::Status endsInside(absl::string_view what) const {
    return error(absl::StrCat("the file ends inside ", what));
  }
  absl::Status tensorError(const TensorInfo &tensor, absl::string_view problem,
                           absl::string_view remedy = damagedRemedy) const {
    return absl::InvalidArgumentError(
        absl::StrCat(name_, ": tensor ", inQuotes(tensor.name), ": ", problem, "; ", remedy));
  }

  std::span<const uint8_t> bytes_;
  absl::string_view name_;
  OpenOptions options_;
  ByteReader reader_;
  ParsedFile file_;
  std::vector<uint64_t> offsets_; // of each tensor, relative to the data section
  absl::flat_hash_set<absl::string_view> tensorNames_;
};

absl::Status Parser::parseHeader(uint64_t &tensorCount, uint64_t &keyValueCount) {
  uint32_t magic;
  absl::string_view text(reinterpret_cast<const char *>(bytes_.data()), bytes_.size());
  if (absl::StartsWith(text, "version https://git-lfs"))
    return error("this is a Git LFS pointer, not the file itself", "run 'git lfs pull'");
  if (!reader_.read(magic))
    return endsInside("the magic number");
  if (text.substr(0, 4) != "GGUF")
    return errorAt(0, absl::StrCat("not a GGUF file: it starts with ", inQuotes(text.substr(0, 4))),
                   "give a .gguf file, or convert the model to GGUF");
  uint32_t &version = file_.version;
  if (!reader_.read(version))
    return endsInside("the version number");
  if (version == 1)
    return errorAt(4, "GGUF 1 is not supported",
                   "convert the model again with a current converter");
  if (version != 0 && (version & 0xFFFF) == 0)
    return errorAt(4, "this is a big-endian GGUF file",
                   "convert the model again for little-endian machines");
  if (version != 2 && version != 3)
    return errorAt(4, absl::StrCat("GGUF version ", version, " is not known, only 2 and 3 are"),
                   "convert the model again to GGUF 3");
  if (!reader_.read(tensorCount) || !reader_.read(keyValueCount))
    return endsInside("the header");
  if (keyValueCount > reader_.remaining() / leastKeyValueBytes)
    return errorAt(16, absl::StrCat("the header promises ", keyValueCount,
                                    " metadata records, more than the remaining ",
                                    reader_.remaining(), " bytes can hold"));
  if (tensorCount > reader_.remaining() / leastTensorBytes)
    return errorAt(8, absl::StrCat("the header promises ", tensorCount,
                                   " tensors, more than the remaining ", reader_.remaining(),
                                   " bytes can hold"));
  return absl::OkStatus();
}

absl::Status Parser::parseArray(KeyValue &keyValue) {
  uint32_t type;
  uint64_t typeOffset = reader_.offset();
  if (!reader_.read(type) || !reader_.read(keyValue.count))
    return endsInside(absl::StrCat("the array of key ", inQuotes(keyValue.key)));
  keyValue.elementType = static_cast<ValueType>(type);
  if (keyValue.elementType == ValueType::Array)
    return errorAt(typeOffset,
                   absl::StrCat("key ", inQuotes(keyValue.key), " is an array of arrays"),
                   "nested arrays are not supported, remove the key");
  bool strings = keyValue.elementType == ValueType::String;
  uint64_t least = strings ? sizeof(uint64_t) : scalarBytes(keyValue.elementType);
  if (least == 0)
    return errorAt(typeOffset,
                   absl::StrCat("the array of key ", inQuotes(keyValue.key), " has element type ",
                                type, ", which GGUF does not have"));
  if (keyValue.count > reader_.remaining() / least)
    return error(absl::StrCat("the array of key ", inQuotes(keyValue.key), " promises ",
                              keyValue.count, " elements, more than the remaining ",
                              reader_.remaining(), " bytes can hold"));
  uint64_t start = reader_.offset();
  absl::string_view element;
  if (!strings)
    reader_.skip(keyValue.count * least);
  else
    for (uint64_t i = 0; i < keyValue.count; ++i)
      if (!reader_.readString(element))
        return endsInside(absl::StrCat("element ", i, " of key ", inQuotes(keyValue.key)));
  keyValue.value = reader_.since(start);
  return absl::OkStatus();
}

absl::Status Parser::parseValue(KeyValue &keyValue) {
  uint32_t type;
  uint64_t typeOffset = reader_.offset();
  if (!reader_.read(type))
    return endsInside(absl::StrCat("the type of key ", inQuotes(keyValue.key)));
  keyValue.type = keyValue.elementType = static_cast<ValueType>(type);
  if (keyValue.type == ValueType::Array) {
    if (absl::Status status = parseArray(keyValue); !status.ok())
      return status;
  } else if (keyValue.type == ValueType::String) {
    absl::string_view text;
    if (!reader_.readString(text))
      return endsInside(absl::StrCat("the string of key ", inQuotes(keyValue.key)));
    keyValue.value = {reinterpret_cast<const uint8_t *>(text.data()), text.size()};
  } else {
    uint64_t start = reader_.offset(), size = scalarBytes(keyValue.type);
    if (size == 0)
      return errorAt(typeOffset, absl::StrCat("key ", inQuotes(keyValue.key), " has type ", type,
                                              ", which GGUF does not have"));
    if (!reader_.skip(size))
      return endsInside(absl::StrCat("the value of key ", inQuotes(keyValue.key)));
    keyValue.value = reader_.since(start);
  }
  if (keyValue.elementType == ValueType::Bool)
    for (uint8_t byte : keyValue.value)
      if (byte > 1)
        return errorAt(typeOffset, absl::StrCat("key ", inQuotes(keyValue.key), " has a bool of ",
                                                byte, ", neither 0 nor 1"));
  return absl::OkStatus();
}

absl::Status Parser::parseKeyValue(uint64_t index) {
  KeyValue keyValue;
  uint64_t start = reader_.offset();
  if (!reader_.readString(keyValue.key))
    return endsInside(absl::StrCat("the key of metadata record ", index));
  if (keyValue.key.empty())
    return errorAt(start, absl::StrCat("metadata record ", index, " has an empty key"));
  if (absl::Status status = parseValue(keyValue); !status.ok())
    return status;
  if (!file_.keys.try_emplace(keyValue.key, file_.keyValues.size()).second)
    return errorAt(start, absl::StrCat("key ", inQuotes(keyValue.key), " is there twice"));
  keyValue.record = reader_.since(start);
  file_.keyValues.push_back(keyValue);
  return absl::OkStatus();
}

absl::Status Parser::parseAlignment() {
  auto found = file_.keys.find("general.alignment");
  if (found == file_.keys.end())
    return absl::OkStatus();
  absl::StatusOr<uint32_t> alignment = scalarAs<uint32_t>(file_.keyValues[found->second], name_);
  if (!alignment.ok())
    return alignment.status();
  if (*alignment < leastAlignment || !std::has_single_bit(*alignment))
    return absl::InvalidArgumentError(absl::StrCat(
        name_, ": metadata key 'general.alignment' is ", *alignment,
        ", expected a power of two from 8 on; convert the model again with a current converter"));
  file_.alignment = *alignment;
  return absl::OkStatus();
}

absl::Status Parser::parseTensor(uint64_t index) {
  TensorInfo tensor;
  uint64_t start = reader_.offset(), offset;
  absl::string_view name;
  uint32_t dims;
  if (!reader_.readString(name))
    return endsInside(absl::StrCat("the name of tensor ", index));
  if (name.empty() || name.size() > mostTensorNameBytes)
    return errorAt(start, absl::StrCat("the name of tensor ", index, " has ", name.size(),
                                       " bytes, expected 1 to ", mostTensorNameBytes));
  if (!tensorNames_.insert(name).second)
    return errorAt(start, absl::StrCat("tensor ", inQuotes(name), " is there twice"));
  tensor.name = std::string(name);
  auto cut = [&] { return endsInside(absl::StrCat("the record of tensor ", inQuotes(name))); };
  if (!reader_.read(dims))
    return cut();
  // tensorBytes() checks the rest of the shape; this keeps a hostile count from being allocated.
  if (dims > mostDims)
    return tensorError(tensor,
                       absl::StrCat("it has ", dims, " dimensions, expected 1 to ", mostDims));
  tensor.shape.resize(dims);
  for (uint64_t &extent : tensor.shape)
    if (!reader_.read(extent))
      return cut();
  if (!reader_.read(tensor.ggmlType) || !reader_.read(offset))
    return cut();
  absl::StatusOr<uint64_t> size = tensorBytes(tensor.shape, tensor.ggmlType);
  if (!size.ok())
    return tensorError(tensor, size.status().message(),
                       findStorage(tensor.ggmlType) ? damagedRemedy
                                                    : "quantize the model to one of those");
  tensor.bytes = *size;
  tensor.format = findBlockFormatByGgmlType(tensor.ggmlType);
  if (offset % file_.alignment != 0)
    return tensorError(tensor,
                       absl::StrCat("its offset ", offset, " is not a multiple of the alignment ",
                                    file_.alignment));
  offsets_.push_back(offset);
  file_.tensors.push_back(std::move(tensor));
  return absl::OkStatus();
}

absl::Status Parser::placeTensors() {
  uint64_t mask = file_.alignment - 1;
  uint64_t dataStart = (reader_.offset() + mask) & ~mask;
  uint64_t available = bytes_.size() < dataStart ? 0 : bytes_.size() - dataStart;
  std::vector<size_t> order(file_.tensors.size());
  for (size_t i = 0; i < order.size(); ++i) {
    TensorInfo &tensor = file_.tensors[i];
    order[i] = i;
    if (options_.headerOnly)
      continue;
    if (offsets_[i] > available || tensor.bytes > available - offsets_[i])
      return tensorError(tensor,
                         absl::StrCat("its ", tensor.bytes, " bytes at offset ", offsets_[i],
                                      " of the data section at byte ", dataStart,
                                      " end after the file's ", bytes_.size(), " bytes"));
    tensor.data = bytes_.data() + dataStart + offsets_[i];
  }
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::pair(offsets_[a], a) < std::pair(offsets_[b], b);
  });
  for (size_t i = 1; i < order.size(); ++i) {
    const TensorInfo &before = file_.tensors[order[i - 1]];
    if (offsets_[order[i - 1]] + before.bytes > offsets_[order[i]])
      return tensorError(file_.tensors[order[i]],
                         absl::StrCat("its bytes overlap those of tensor ", inQuotes(before.name)));
  }
  return absl::OkStatus();
}

absl::StatusOr<ParsedFile> Parser::parse() {
  uint64_t tensorCount = 0, keyValueCount = 0;
  if (absl::Status status = parseHeader(tensorCount, keyValueCount); !status.ok())
    return status;
  for (uint64_t i = 0; i < keyValueCount; ++i)
    if (absl::Status status = parseKeyValue(i); !status.ok())
      return status;
  if (absl::Status status = parseAlignment(); !status.ok())
    return status;
  for (uint64_t i = 0; i < tensorCount; ++i)
    if (absl::Status status = parseTensor(i); !status.ok())
      return status;
  if (absl::Status status = placeTensors(); !status.ok())
    return status;
  return std::move(file_);
}

} // namespace

absl::StatusOr<ParsedFile> parseFile(std::span<const uint8_t> bytes, absl::string_view name,
                                     const OpenOptions &options) {
  return Parser(bytes, name, options).parse();
}

} // namespace llmc::gguf
