#include "frontends/gguf/quantize/ImportanceMatrix.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "frontends/gguf/file/GgufText.h"
#include "frontends/gguf/file/MappedFile.h"
#include <cmath>
#include <cstring>

namespace llmc::quantize {
namespace {

// A cursor over the .dat format: little-endian 32-bit integers, strings with their length before
// them, and floats.
class DatReader {
public:
  explicit DatReader(std::span<const uint8_t> bytes) : rest_(bytes) {}

  bool number(int32_t &value) { return take(&value, sizeof value); }
  bool text(std::string &value) {
    int32_t length;
    if (!number(length) || length < 0 || static_cast<size_t>(length) > rest_.size())
      return false;
    value.resize(length);
    return take(value.data(), length);
  }
  bool floats(std::vector<float> &values, int32_t count) {
    if (count < 1 || static_cast<size_t>(count) > rest_.size() / sizeof(float))
      return false;
    values.resize(count);
    return take(values.data(), count * sizeof(float));
  }
  bool atEnd() const { return rest_.empty(); }

private:
  bool take(void *to, size_t count) {
    if (count > rest_.size())
      return false;
    std::memcpy(to, rest_.data(), count);
    rest_ = rest_.subspan(count);
    return true;
  }
  std::span<const uint8_t> rest_;
};

std::vector<float> floatsOf(const gguf::TensorInfo &tensor) {
  std::vector<float> values(tensor.elements());
  std::memcpy(values.data(), tensor.data, tensor.bytes);
  return values;
}

bool isF32(const gguf::TensorInfo *tensor) { return tensor && tensor->ggmlType == 0; }

} // namespace

absl::StatusOr<ImportanceMatrix> ImportanceMatrix::load(const std::string &path) {
  ImportanceMatrix matrix;
  matrix.path_ = path;
  absl::StatusOr<gguf::MappedFile> mapped = gguf::MappedFile::open(path);
  if (!mapped.ok())
    return mapped.status();
  std::span<const uint8_t> bytes = mapped->bytes();
  absl::Status status;
  if (bytes.size() >= 4 && std::memcmp(bytes.data(), "GGUF", 4) == 0) {
    absl::StatusOr<std::shared_ptr<gguf::GgufFile>> file = gguf::GgufFile::parse(bytes, path);
    status = file.ok() ? matrix.readGguf(**file) : file.status();
  } else {
    status = matrix.readLegacy(bytes);
  }
  if (!status.ok())
    return status;
  if (matrix.entries_.empty())
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": it has no entries; give a file that llama-imatrix wrote"));
  return matrix;
}

std::span<const float> ImportanceMatrix::find(absl::string_view tensor) const {
  auto entry = entries_.find(tensor);
  return entry == entries_.end() ? std::span<const float>() : entry->second;
}

absl::Status ImportanceMatrix::readGguf(const gguf::GgufFile &file) {
  auto error = [&](absl::string_view name, absl::string_view problem) {
    return absl::InvalidArgumentError(absl::StrCat(path_, ": entry ", gguf::inQuotes(name), " ",
                                                   problem,
                                                   "; give a file that llama-imatrix wrote"));
  };
  for (const gguf::TensorInfo &tensor : file.tensors()) {
    absl::string_view name = tensor.name;
    if (!absl::ConsumeSuffix(&name, ".in_sum2"))
      continue;
    const gguf::TensorInfo *counts = file.findTensor(absl::StrCat(name, ".counts"));
    if (!isF32(&tensor) || !isF32(counts))
      return error(name, "needs sums and counts in F32");
    if (tensor.elements() % counts->elements() != 0)
      return error(name, absl::StrCat("has ", tensor.elements(), " sums for ", counts->elements(),
                                      " counts"));
    std::vector<float> rounded = floatsOf(*counts);
    for (float &count : rounded)
      count = std::round(count);
    if (absl::Status status = add(name, floatsOf(tensor), rounded, /*unseen=*/1); !status.ok())
      return status;
  }
  chunks_ = file.getOr<uint32_t>("imatrix.chunk_count", 0).value_or(0);
  absl::StatusOr<std::vector<std::string>> datasets =
      file.getArray<std::string>("imatrix.datasets");
  if (datasets.ok() && !datasets->empty())
    dataset_ = datasets->front();
  return absl::OkStatus();
}

absl::Status ImportanceMatrix::readLegacy(std::span<const uint8_t> bytes) {
  auto damaged = [&](int32_t entry) {
    return absl::InvalidArgumentError(
        absl::StrCat(path_, ": it is neither a GGUF nor an importance matrix in the .dat format (",
                     "entry ", entry, " is not whole); give a file that llama-imatrix wrote"));
  };
  DatReader reader(bytes);
  int32_t count;
  if (!reader.number(count) || count < 1)
    return damaged(0);
  for (int32_t i = 0; i < count; ++i) {
    std::string name;
    int32_t calls, values;
    std::vector<float> sums;
    if (!reader.text(name) || !reader.number(calls) || !reader.number(values) ||
        !reader.floats(sums, values))
      return damaged(i);
    float divisor = calls > 0 ? static_cast<float>(calls) : 1.0f;
    if (absl::Status status = add(name, sums, {&divisor, 1}, 1); !status.ok())
      return status;
  }
  // Files of before 2024 end here.
  if (int32_t chunks; reader.number(chunks) && chunks > 0) {
    chunks_ = chunks;
    if (std::string dataset; reader.text(dataset))
      dataset_ = dataset;
  }
  return absl::OkStatus();
}

absl::Status ImportanceMatrix::add(absl::string_view name, std::span<const float> sums,
                                   std::span<const float> counts, float unseen) {
  std::vector<float> values(sums.size());
  size_t share = sums.size() / counts.size();
  for (size_t i = 0; i < values.size(); ++i) {
    float count = counts[i / share];
    values[i] = count > 0 ? sums[i] / count : unseen;
    if (!std::isfinite(values[i]) || values[i] < 0)
      return absl::InvalidArgumentError(absl::StrCat(
          path_, ": entry ", gguf::inQuotes(name), " holds ", values[i], " at column ", i % share,
          ", which is no mean of squares; make the importance matrix again"));
  }
  entries_[name] = std::move(values);
  return absl::OkStatus();
}

} // namespace llmc::quantize
