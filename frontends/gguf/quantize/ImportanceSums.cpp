#include "frontends/gguf/quantize/ImportanceSums.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "frontends/gguf/file/GgufText.h"
#include "frontends/gguf/file/GgufWriter.h"
#include "runtime/core/MappedFile.h"
#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

namespace llmc::quantize {
namespace {

constexpr uint32_t kF32 = 0; // ggml type
constexpr absl::string_view kSums = ".in_sum2", kCounts = ".counts";
constexpr absl::string_view kRemedy = "; give a file that llmc imatrix or llama-imatrix wrote";

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
  bool floats(std::vector<double> &values, int32_t count) {
    if (count < 1 || static_cast<size_t>(count) > rest_.size() / sizeof(float))
      return false;
    values.resize(count);
    for (double &value : values) {
      float read;
      take(&read, sizeof read);
      value = read;
    }
    return true;
  }

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

std::vector<double> floatsOf(const gguf::TensorInfo &tensor) {
  std::vector<float> values(tensor.elements());
  std::memcpy(values.data(), tensor.data, tensor.bytes);
  return {values.begin(), values.end()};
}

bool isF32(const gguf::TensorInfo *tensor) { return tensor && tensor->ggmlType == kF32; }

} // namespace

absl::StatusOr<ImportanceSums> ImportanceSums::load(const std::string &path, uint32_t chunkSize) {
  absl::StatusOr<MappedFile> mapped = MappedFile::open(path);
  if (!mapped.ok())
    return mapped.status();
  ImportanceSums sums(chunkSize);
  std::span<const uint8_t> bytes = mapped->bytes();
  absl::Status status;
  if (bytes.size() >= 4 && std::memcmp(bytes.data(), "GGUF", 4) == 0) {
    absl::StatusOr<std::shared_ptr<gguf::GgufFile>> file = gguf::GgufFile::parse(bytes, path);
    status = file.ok() ? sums.readGguf(**file) : file.status();
  } else {
    status = sums.readLegacy(bytes, path);
  }
  if (!status.ok())
    return status;
  if (sums.entries_.empty())
    return absl::InvalidArgumentError(absl::StrCat(path, ": it has no entries", kRemedy));
  return sums;
}

absl::Status ImportanceSums::readGguf(const gguf::GgufFile &file) {
  auto error = [&](absl::string_view name, absl::string_view problem) {
    return absl::InvalidArgumentError(
        absl::StrCat(file.path(), ": entry ", gguf::inQuotes(name), " ", problem, kRemedy));
  };
  for (const gguf::TensorInfo &tensor : file.tensors()) {
    absl::string_view name = tensor.name;
    if (!absl::ConsumeSuffix(&name, kSums))
      continue;
    const gguf::TensorInfo *counts = file.findTensor(absl::StrCat(name, kCounts));
    if (!isF32(&tensor) || !isF32(counts))
      return error(name, "needs sums and counts in F32");
    if (tensor.elements() % counts->elements() != 0)
      return error(name, absl::StrCat("has ", tensor.elements(), " sums for ", counts->elements(),
                                      " counts"));
    Entry entry{floatsOf(tensor), floatsOf(*counts)};
    for (double &count : entry.counts)
      count = std::round(count);
    if (absl::Status status = put(name, std::move(entry), file.path()); !status.ok())
      return status;
  }
  chunks_ = file.getOr<uint32_t>("imatrix.chunk_count", 0).value_or(0);
  absl::StatusOr<std::vector<std::string>> datasets =
      file.getArray<std::string>("imatrix.datasets");
  if (datasets.ok())
    datasets_ = *std::move(datasets);
  return absl::OkStatus();
}

absl::Status ImportanceSums::readLegacy(std::span<const uint8_t> bytes, const std::string &path) {
  auto damaged = [&](int32_t entry) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": it is neither a GGUF nor an importance matrix in the .dat format (",
                     "entry ", entry, " is not whole)", kRemedy));
  };
  DatReader reader(bytes);
  int32_t count;
  if (!reader.number(count) || count < 1)
    return damaged(0);
  for (int32_t i = 0; i < count; ++i) {
    std::string name;
    int32_t calls, values;
    Entry entry;
    if (!reader.text(name) || !reader.number(calls) || !reader.number(values) ||
        !reader.floats(entry.sums, values))
      return damaged(i);
    for (double &sum : entry.sums)
      sum *= chunkSize_;
    entry.counts = {double(std::max(calls, 1)) * chunkSize_};
    if (absl::Status status = put(name, std::move(entry), path); !status.ok())
      return status;
  }
  // Files of before 2024 end here.
  if (int32_t chunks; reader.number(chunks) && chunks > 0) {
    chunks_ = chunks;
    if (std::string dataset; reader.text(dataset))
      datasets_ = {dataset};
  }
  return absl::OkStatus();
}

absl::Status ImportanceSums::put(absl::string_view name, Entry entry, const std::string &path) {
  // Means are written as floats again.
  constexpr double kMost = std::numeric_limits<float>::max();
  for (size_t i = 0; i < entry.sums.size(); ++i)
    if (!(entry.sums[i] >= 0) || !(entry.mean(i) <= kMost))
      return absl::InvalidArgumentError(absl::StrCat(
          path, ": entry ", gguf::inQuotes(name), " holds ", entry.sums[i], " at column ",
          i % entry.columns(), ", which is no sum of squares; make the importance matrix again"));
  for (double rows : entry.counts)
    if (!(rows >= 0 && rows <= kMost))
      return absl::InvalidArgumentError(absl::StrCat(path, ": entry ", gguf::inQuotes(name),
                                                     " is of ", rows,
                                                     " rows; make the importance matrix again"));
  entries_[name] = std::move(entry);
  return absl::OkStatus();
}

absl::Status ImportanceSums::add(absl::string_view tensor, std::span<const float> sums,
                                 uint64_t rows) {
  const float counts[] = {static_cast<float>(rows)};
  return addExperts(tensor, sums, counts);
}

absl::Status ImportanceSums::addExperts(absl::string_view tensor, std::span<const float> sums,
                                        std::span<const float> counts) {
  Entry &entry = entries_[tensor];
  if (entry.sums.empty())
    entry = {std::vector<double>(sums.size()), std::vector<double>(counts.size())};
  if (entry.sums.size() != sums.size() || entry.counts.size() != counts.size())
    return absl::InvalidArgumentError(absl::StrCat("tensor ", gguf::inQuotes(tensor), " has ",
                                                   sums.size(), " columns, but ", entry.sums.size(),
                                                   " were measured before"));
  for (size_t i = 0; i < sums.size(); ++i) {
    if (!std::isfinite(sums[i]))
      return absl::InvalidArgumentError(
          absl::StrCat("the input of tensor ", gguf::inQuotes(tensor), " is not finite at column ",
                       i % entry.columns(), ": the model's weights are broken"));
    entry.sums[i] += sums[i];
  }
  for (size_t i = 0; i < counts.size(); ++i)
    entry.counts[i] += counts[i];
  return absl::OkStatus();
}

absl::Status ImportanceSums::add(const ImportanceSums &other, absl::string_view name) {
  for (const auto &[tensor, theirs] : other.entries_) {
    auto [place, isNew] = entries_.try_emplace(tensor, theirs);
    if (isNew)
      continue;
    Entry &mine = place->second;
    if (mine.sums.size() != theirs.sums.size() || mine.counts.size() != theirs.counts.size())
      return absl::InvalidArgumentError(absl::StrCat(name, ": entry ", gguf::inQuotes(tensor),
                                                     " has ", theirs.sums.size(),
                                                     " columns, but another has ", mine.sums.size(),
                                                     "; join importance matrices of one model"));
    std::transform(mine.sums.begin(), mine.sums.end(), theirs.sums.begin(), mine.sums.begin(),
                   std::plus<>());
    std::transform(mine.counts.begin(), mine.counts.end(), theirs.counts.begin(),
                   mine.counts.begin(), std::plus<>());
  }
  datasets_.insert(datasets_.end(), other.datasets_.begin(), other.datasets_.end());
  chunks_ += other.chunks_;
  return absl::OkStatus();
}

absl::Status ImportanceSums::save(const std::string &path) const {
  absl::StatusOr<std::unique_ptr<gguf::GgufWriter>> created = gguf::GgufWriter::create(path);
  if (!created.ok())
    return created.status();
  gguf::GgufWriter &writer = **created;
  absl::Status status = writer.set("general.type", "imatrix");
  status.Update(writer.setArray("imatrix.datasets", datasets_));
  status.Update(writer.set("imatrix.chunk_count", chunks_));
  status.Update(writer.set("imatrix.chunk_size", chunkSize_));
  struct Tensor {
    std::string name;
    std::vector<float> values;
  };
  std::vector<Tensor> tensors;
  auto declare = [&](absl::string_view name, absl::string_view suffix,
                     const std::vector<double> &values, uint64_t matrices) {
    const uint64_t shape[] = {values.size() / matrices, matrices};
    tensors.push_back({absl::StrCat(name, suffix), {values.begin(), values.end()}});
    status.Update(writer.addTensor(tensors.back().name, shape, kF32, 4 * values.size()));
  };
  for (const auto &[name, entry] : entries_) {
    declare(name, kSums, entry.sums, entry.counts.size());
    declare(name, kCounts, entry.counts, entry.counts.size());
  }
  for (const Tensor &tensor : tensors)
    if (status.ok())
      status = writer.writeTensor(tensor.name,
                                  std::span(reinterpret_cast<const uint8_t *>(tensor.values.data()),
                                            4 * tensor.values.size()));
  return status.ok() ? writer.finish() : status;
}

} // namespace llmc::quantize
