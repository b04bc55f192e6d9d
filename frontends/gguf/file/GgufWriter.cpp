#include "frontends/gguf/file/GgufWriter.h"

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "frontends/gguf/file/GgufParser.h"
#include "frontends/gguf/file/GgufText.h"
#include "frontends/gguf/file/TensorTypes.h"
#include "runtime/core/AtomicFile.h"
#include <bit>
#include <optional>
#include <type_traits>
#include <utility>

namespace llmc::gguf {
namespace {

constexpr uint32_t mostAlignment = 4096;

using Bytes = std::vector<uint8_t>;

template <class T>
void put(Bytes &out, T value) {
  const auto *bytes = reinterpret_cast<const uint8_t *>(&value);
  out.insert(out.end(), bytes, bytes + sizeof(T));
}

void putString(Bytes &out, absl::string_view text) {
  put<uint64_t>(out, text.size());
  out.insert(out.end(), text.begin(), text.end());
}

template <WritableValue T>
constexpr ValueType valueTypeOf() {
  if constexpr (std::same_as<T, std::string> || std::same_as<T, absl::string_view>)
    return ValueType::String;
  else if constexpr (std::same_as<T, bool>)
    return ValueType::Bool;
  else if constexpr (std::same_as<T, float>)
    return ValueType::F32;
  else if constexpr (std::same_as<T, double>)
    return ValueType::F64;
  else if constexpr (sizeof(T) == 1)
    return std::is_signed_v<T> ? ValueType::I8 : ValueType::U8;
  else if constexpr (sizeof(T) == 2)
    return std::is_signed_v<T> ? ValueType::I16 : ValueType::U16;
  else if constexpr (sizeof(T) == 4)
    return std::is_signed_v<T> ? ValueType::I32 : ValueType::U32;
  else
    return std::is_signed_v<T> ? ValueType::I64 : ValueType::U64;
}

template <WritableValue T>
void putValue(Bytes &out, const T &value) {
  if constexpr (valueTypeOf<T>() == ValueType::String)
    putString(out, value);
  else if constexpr (std::same_as<T, bool>)
    put<uint8_t>(out, value ? 1 : 0);
  else
    put(out, value);
}

// A record's key and the start of an array.
template <WritableValue T>
Bytes arrayHead(absl::string_view key, uint64_t count) {
  Bytes record;
  putString(record, key);
  put(record, ValueType::Array);
  put(record, valueTypeOf<T>());
  put(record, count);
  return record;
}

} // namespace

struct GgufWriter::Impl {
  struct Tensor {
    std::string name;
    std::vector<uint64_t> shape;
    uint32_t ggmlType;
    uint64_t bytes, offset;
  };

  std::optional<AtomicFile> file; // reset on failure, which removes the temporary file
  std::string path;
  uint32_t alignment;
  std::vector<std::pair<std::string, Bytes>> records;
  std::vector<Tensor> tensors;
  absl::flat_hash_set<std::string> tensorNames;
  uint64_t dataBytes = 0;
  bool headWritten = false;
  size_t written = 0; // tensors

  absl::Status misuse(absl::string_view problem) const {
    return absl::FailedPreconditionError(absl::StrCat(path, ": ", problem));
  }
  absl::Status tensorError(absl::string_view name, absl::string_view problem) const {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": cannot write tensor ", inQuotes(name), ": ", problem));
  }
  absl::Status setRecord(absl::string_view key, Bytes record);
  absl::Status checkOpen() const;
  absl::Status writeHead();
  absl::Status writePieces(const Tensor &tensor, absl::FunctionRef<absl::Status(Append)> produce);
  // Writes zeros up to where a tensor may begin.
  absl::Status pad() {
    return file->write(Bytes((alignment - file->size() % alignment) % alignment));
  }
  absl::Status close();
  // After a failure nothing more can be written, and no file is left.
  absl::Status giveUpUnlessOk(absl::Status status) {
    if (!status.ok())
      file.reset();
    return status;
  }
};

absl::Status GgufWriter::Impl::checkOpen() const {
  return file ? absl::OkStatus() : misuse("the writer has finished or failed");
}

absl::Status GgufWriter::Impl::setRecord(absl::string_view key, Bytes record) {
  if (absl::Status status = checkOpen(); !status.ok())
    return status;
  if (headWritten)
    return misuse(absl::StrCat("metadata key ", inQuotes(key), " comes after the first tensor"));
  if (key.empty())
    return absl::InvalidArgumentError(absl::StrCat(path, ": cannot write an empty metadata key"));
  if (key == "general.alignment")
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": metadata key 'general.alignment' is set by the writer; give it to create()"));
  for (auto &[present, bytes] : records)
    if (present == key) {
      bytes = std::move(record);
      return absl::OkStatus();
    }
  records.emplace_back(key, std::move(record));
  return absl::OkStatus();
}

absl::Status GgufWriter::Impl::writeHead() {
  if (headWritten)
    return absl::OkStatus();
  headWritten = true;
  if (alignment != defaultAlignment) {
    Bytes record;
    putString(record, "general.alignment");
    put(record, ValueType::U32);
    put(record, alignment);
    records.emplace_back("general.alignment", std::move(record));
  }
  Bytes head = {'G', 'G', 'U', 'F'};
  put<uint32_t>(head, 3);
  put<uint64_t>(head, tensors.size());
  put<uint64_t>(head, records.size());
  for (auto &[key, record] : records)
    head.insert(head.end(), record.begin(), record.end());
  for (const Tensor &tensor : tensors) {
    putString(head, tensor.name);
    put<uint32_t>(head, tensor.shape.size());
    for (uint64_t extent : tensor.shape)
      put(head, extent);
    put(head, tensor.ggmlType);
    put(head, tensor.offset);
  }
  if (absl::Status status = file->write(head); !status.ok())
    return status;
  return tensors.empty() ? absl::OkStatus() : pad();
}

absl::Status GgufWriter::Impl::writePieces(const Tensor &tensor,
                                           absl::FunctionRef<absl::Status(Append)> produce) {
  uint64_t missing = tensor.bytes;
  // Kept here because `produce` may drop the status that append gives it.
  absl::Status failure;
  auto append = [&](std::span<const uint8_t> piece) -> absl::Status {
    if (!failure.ok())
      return failure;
    if (piece.size() > missing)
      return failure = tensorError(tensor.name, absl::StrCat("its data is longer than the ",
                                                             tensor.bytes, " bytes declared"));
    missing -= piece.size();
    return failure = file->write(piece);
  };
  absl::Status produced = produce(append);
  if (!failure.ok())
    return failure;
  if (!produced.ok())
    return produced;
  if (missing != 0)
    return tensorError(tensor.name, absl::StrCat("its data ends ", missing, " bytes before the ",
                                                 tensor.bytes, " declared"));
  return pad();
}

absl::Status GgufWriter::Impl::close() {
  if (absl::Status status = writeHead(); !status.ok())
    return status;
  if (written != tensors.size())
    return tensorError(tensors[written].name, "finish() came before its data");
  return file->commit();
}

GgufWriter::GgufWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
GgufWriter::~GgufWriter() = default;

absl::StatusOr<std::unique_ptr<GgufWriter>> GgufWriter::create(const std::string &path,
                                                               uint32_t alignment) {
  if (alignment < leastAlignment || alignment > mostAlignment || !std::has_single_bit(alignment))
    return absl::InvalidArgumentError(absl::StrCat(path, ": cannot align tensors to ", alignment,
                                                   " bytes; give a power of two from ",
                                                   leastAlignment, " to ", mostAlignment));
  absl::StatusOr<AtomicFile> file = AtomicFile::create(path);
  if (!file.ok())
    return file.status();
  auto impl = std::make_unique<Impl>();
  impl->file = *std::move(file);
  impl->path = path;
  impl->alignment = alignment;
  return std::unique_ptr<GgufWriter>(new GgufWriter(std::move(impl)));
}

template <WritableValue T>
absl::Status GgufWriter::set(absl::string_view key, const T &value) {
  Bytes record;
  putString(record, key);
  put(record, valueTypeOf<T>());
  putValue(record, value);
  return impl_->setRecord(key, std::move(record));
}

template <WritableValue T>
absl::Status GgufWriter::setArray(absl::string_view key, std::span<const T> values) {
  Bytes record = arrayHead<T>(key, values.size());
  for (const T &value : values)
    putValue(record, value);
  return impl_->setRecord(key, std::move(record));
}

absl::Status GgufWriter::setArray(absl::string_view key, const std::vector<bool> &values) {
  Bytes record = arrayHead<bool>(key, values.size());
  for (bool value : values)
    putValue(record, value);
  return impl_->setRecord(key, std::move(record));
}

absl::Status GgufWriter::copy(const KeyValue &keyValue) {
  return impl_->setRecord(keyValue.key, Bytes(keyValue.record.begin(), keyValue.record.end()));
}

absl::Status GgufWriter::copyMetadata(const GgufFile &source) {
  for (const KeyValue &keyValue : source.keyValues()) {
    if (keyValue.key == "general.alignment" || absl::StartsWith(keyValue.key, "split."))
      continue;
    if (absl::Status status = copy(keyValue); !status.ok())
      return status;
  }
  return absl::OkStatus();
}

void GgufWriter::remove(absl::string_view key) {
  std::erase_if(impl_->records, [&](const auto &record) { return record.first == key; });
}

absl::Status GgufWriter::addTensor(absl::string_view name, std::span<const uint64_t> shape,
                                   uint32_t ggmlType, uint64_t bytes) {
  Impl &impl = *impl_;
  if (absl::Status status = impl.checkOpen(); !status.ok())
    return status;
  if (impl.headWritten)
    return impl.misuse(
        absl::StrCat("tensor ", inQuotes(name), " is declared after the first data"));
  if (name.empty() || name.size() > mostTensorNameBytes)
    return impl.tensorError(name, absl::StrCat("its name has ", name.size(),
                                               " bytes, expected 1 to ", mostTensorNameBytes));
  if (impl.tensorNames.contains(name))
    return impl.tensorError(name, "it is declared twice");
  absl::StatusOr<uint64_t> needed = tensorBytes(shape, ggmlType);
  if (!needed.ok())
    return impl.tensorError(name, needed.status().message());
  if (*needed != bytes)
    return impl.tensorError(name, absl::StrCat(ggmlTypeName(ggmlType), " of this shape has ",
                                               *needed, " bytes, not ", bytes));
  uint64_t padded;
  if (__builtin_add_overflow(bytes, impl.alignment - 1, &padded) ||
      __builtin_add_overflow(padded & ~uint64_t(impl.alignment - 1), impl.dataBytes, &padded))
    return impl.tensorError(name, "the file would be larger than 64 bits can say");
  impl.tensorNames.emplace(name);
  impl.tensors.push_back({std::string(name),
                          {shape.begin(), shape.end()},
                          ggmlType,
                          bytes,
                          std::exchange(impl.dataBytes, padded)});
  return absl::OkStatus();
}

absl::Status GgufWriter::writeTensor(absl::string_view name, std::span<const uint8_t> data) {
  return writeTensor(name, [&](Append append) { return append(data); });
}

absl::Status GgufWriter::writeTensor(absl::string_view name,
                                     absl::FunctionRef<absl::Status(Append)> produce) {
  Impl &impl = *impl_;
  if (absl::Status status = impl.checkOpen(); !status.ok())
    return status;
  if (impl.written == impl.tensors.size())
    return impl.giveUpUnlessOk(impl.tensorError(name, "all declared tensors are written"));
  const Impl::Tensor &tensor = impl.tensors[impl.written];
  if (tensor.name != name)
    return impl.giveUpUnlessOk(
        impl.tensorError(name, absl::StrCat("tensor ", inQuotes(tensor.name), " comes first")));
  if (absl::Status status = impl.writeHead(); !status.ok())
    return impl.giveUpUnlessOk(status);
  if (absl::Status status = impl.writePieces(tensor, produce); !status.ok())
    return impl.giveUpUnlessOk(status);
  ++impl.written;
  return absl::OkStatus();
}

absl::Status GgufWriter::finish() {
  if (absl::Status status = impl_->checkOpen(); !status.ok())
    return status;
  absl::Status status = impl_->close();
  impl_->file.reset();
  return status;
}

#define LLMC_INSTANTIATE(T)                                                                        \
  template absl::Status GgufWriter::set<T>(absl::string_view, const T &);                          \
  template absl::Status GgufWriter::setArray<T>(absl::string_view, std::span<const T>);
LLMC_INSTANTIATE(uint8_t)
LLMC_INSTANTIATE(int8_t)
LLMC_INSTANTIATE(uint16_t)
LLMC_INSTANTIATE(int16_t)
LLMC_INSTANTIATE(uint32_t)
LLMC_INSTANTIATE(int32_t)
LLMC_INSTANTIATE(uint64_t)
LLMC_INSTANTIATE(int64_t)
LLMC_INSTANTIATE(float)
LLMC_INSTANTIATE(double)
LLMC_INSTANTIATE(bool)
LLMC_INSTANTIATE(std::string)
LLMC_INSTANTIATE(absl::string_view)
#undef LLMC_INSTANTIATE

} // namespace llmc::gguf
