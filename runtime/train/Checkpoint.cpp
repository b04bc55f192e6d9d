#include "runtime/train/Checkpoint.h"

#include "runtime/train/Random.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <filesystem>

namespace llmc {
namespace {

constexpr char kVersionKey[] = "llmc.checkpoint", kChecksumKey[] = "llmc.checksum";
constexpr absl::string_view kNoChecksum = "0000000000000000", kVersion = "1";
constexpr absl::string_view kPrefix = "checkpoint-", kEnding = ".safetensors";

/// Each step is a bijection of the hash for a given word and of the word for a given hash, so that
/// a change in one word always shows.
uint64_t addWord(uint64_t hash, uint64_t word) {
  return std::rotl(hash ^ (word * 0x9e3779b97f4a7c15u), 29) * 0xbf58476d1ce4e5b9u + 1;
}

uint64_t hashBytes(uint64_t hash, std::span<const uint8_t> bytes) {
  hash = addWord(hash, bytes.size());
  size_t i = 0;
  for (uint64_t word; i + sizeof(word) <= bytes.size(); i += sizeof(word)) {
    std::memcpy(&word, bytes.data() + i, sizeof(word));
    hash = addWord(hash, word);
  }
  uint64_t last = 0;
  if (i < bytes.size())
    std::memcpy(&last, bytes.data() + i, bytes.size() - i);
  return addWord(hash, last);
}

uint64_t hashText(absl::string_view text) {
  return hashBytes(0, {reinterpret_cast<const uint8_t *>(text.data()), text.size()});
}

std::string checksumText(uint64_t hash) {
  return absl::StrCat(absl::Hex(mixBits(hash), absl::kZeroPad16));
}

/// Where the digits are in a header. In a text this sequence would have its quotes escaped.
size_t findChecksum(absl::string_view header) {
  const std::string before = absl::StrCat("\"", kChecksumKey, "\":\"");
  const size_t at = header.find(before);
  return at == header.npos || at + before.size() + kNoChecksum.size() > header.size()
             ? header.npos
             : at + before.size();
}

std::vector<NamedShape> shapesOf(std::span<const NamedValues> tensors) {
  std::vector<NamedShape> shapes;
  for (const NamedValues &tensor : tensors)
    shapes.push_back({.name = tensor.name, .shape = tensor.shape});
  return shapes;
}

absl::Status damaged(absl::string_view path, absl::string_view what) {
  return absl::DataLossError(
      absl::StrCat(path, ": ", what, "; the checkpoint is damaged, resume from another one"));
}

std::optional<int64_t> stepOf(absl::string_view name) {
  int64_t step;
  if (!absl::ConsumePrefix(&name, kPrefix) || !absl::ConsumeSuffix(&name, kEnding) ||
      !absl::SimpleAtoi(name, &step) || step < 0)
    return std::nullopt;
  return step;
}

} // namespace

absl::Status writeCheckpoint(absl::string_view path, const SafetensorsMetadata &texts,
                             std::span<const NamedShape> tensors, TensorValues values) {
  SafetensorsMetadata metadata = texts;
  metadata[kVersionKey] = std::string(kVersion);
  metadata[kChecksumKey] = std::string(kNoChecksum);
  std::vector<SafetensorsTensor> records;
  for (const NamedShape &tensor : tensors)
    records.push_back({tensor.name, tensor.type, tensor.shape, {}});
  absl::StatusOr<std::string> header = safetensorsHeader(records, metadata);
  if (!header.ok())
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", header.status().message()));
  absl::StatusOr<AtomicFile> file = AtomicFile::create(path);
  if (!file.ok())
    return file.status();
  if (absl::Status status = file->write(*header); !status.ok())
    return status;
  uint64_t hash = hashText(*header);
  for (size_t i = 0; i < records.size(); ++i) {
    const std::span<const uint8_t> tensor = values(i);
    if (tensor.size() != records[i].elements() * *safetensorsElementBytes(records[i].type))
      return absl::InvalidArgumentError(absl::StrCat(path, ": tensor '", records[i].name,
                                                     "': its values are not those of its shape"));
    hash = hashBytes(hash, tensor);
    if (absl::Status status = file->write(tensor); !status.ok())
      return status;
  }
  if (absl::Status status = file->overwrite(findChecksum(*header), checksumText(hash));
      !status.ok())
    return status;
  return file->commit();
}

absl::Status writeCheckpoint(absl::string_view path, const SafetensorsMetadata &texts,
                             std::span<const NamedValues> tensors) {
  return writeCheckpoint(path, texts, shapesOf(tensors),
                         [&](size_t i) { return floatBytes(tensors[i].values); });
}

absl::StatusOr<Checkpoint> Checkpoint::open(absl::string_view path) {
  absl::StatusOr<SafetensorsFile> file = SafetensorsFile::open(path);
  if (!file.ok())
    return file.status();
  const auto version = file->metadata().find(kVersionKey);
  const auto checksum = file->metadata().find(kChecksumKey);
  if (version == file->metadata().end() || checksum == file->metadata().end())
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": not a checkpoint; name one of llmc train's"));
  if (version->second != kVersion)
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": a checkpoint of another version of llmc; train anew"));
  std::string header(reinterpret_cast<const char *>(file->header().data()), file->header().size());
  const size_t at = findChecksum(header);
  if (at == header.npos || header.substr(at, kNoChecksum.size()) != checksum->second)
    return damaged(path, "the checksum is not where it should be");
  header.replace(at, kNoChecksum.size(), kNoChecksum.data(), kNoChecksum.size());
  uint64_t hash = hashText(header);
  for (const SafetensorsTensor &tensor : file->tensors())
    hash = hashBytes(hash, tensor.bytes);
  if (checksumText(hash) != checksum->second)
    return damaged(path, "the checksum is wrong");
  return Checkpoint(*std::move(file));
}

absl::StatusOr<std::string> Checkpoint::text(const std::string &key) const {
  const auto found = file_.metadata().find(key);
  if (found == file_.metadata().end())
    return absl::NotFoundError(
        absl::StrCat(path(), ": no '", key, "' in the checkpoint; train anew"));
  return found->second;
}

absl::StatusOr<int64_t> Checkpoint::integer(const std::string &key) const {
  absl::StatusOr<std::string> read = text(key);
  if (!read.ok())
    return read.status();
  int64_t number;
  if (!absl::SimpleAtoi(*read, &number))
    return damaged(path(), absl::StrCat("'", key, "' is not a number"));
  return number;
}

absl::Status Checkpoint::copy(absl::string_view tensor, std::span<const uint64_t> shape,
                              std::span<float> values) const {
  return copy(tensor, "F32", shape,
              {reinterpret_cast<uint8_t *>(values.data()), values.size_bytes()});
}

absl::Status Checkpoint::copy(absl::string_view tensor, std::span<const uint64_t> shape,
                              std::span<uint8_t> values) const {
  return copy(tensor, "U8", shape, values);
}

absl::Status Checkpoint::copy(absl::string_view tensor, absl::string_view type,
                              std::span<const uint64_t> shape, std::span<uint8_t> bytes) const {
  const SafetensorsTensor *found = file_.find(tensor);
  if (!found)
    return absl::NotFoundError(absl::StrCat(path(), ": no tensor '", tensor,
                                            "'; the checkpoint is of another run, train anew"));
  if (found->type != type || !std::ranges::equal(found->shape, shape) ||
      found->bytes.size() != bytes.size())
    return absl::InvalidArgumentError(
        absl::StrCat(path(), ": tensor '", tensor,
                     "' has another shape; the checkpoint is of another run, train anew"));
  if (!bytes.empty())
    std::memcpy(bytes.data(), found->bytes.data(), bytes.size());
  return absl::OkStatus();
}

std::string CheckpointFolder::pathOf(int64_t step) const {
  return absl::StrFormat("%s/%s%06d%s", folder_, kPrefix, step, kEnding);
}

std::vector<int64_t> CheckpointFolder::steps() const {
  std::vector<int64_t> steps;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder_, error), end; !error && entry != end;
       entry.increment(error))
    if (const auto step = stepOf(entry->path().filename().string());
        step && pathOf(*step) == absl::StrCat(folder_, "/", entry->path().filename().string()))
      steps.push_back(*step);
  std::ranges::sort(steps);
  return steps;
}

absl::Status CheckpointFolder::save(int64_t step, const SafetensorsMetadata &texts,
                                    std::span<const NamedValues> tensors) const {
  return save(step, texts, shapesOf(tensors),
              [&](size_t i) { return floatBytes(tensors[i].values); });
}

absl::Status CheckpointFolder::save(int64_t step, const SafetensorsMetadata &texts,
                                    std::span<const NamedShape> tensors,
                                    TensorValues values) const {
  if (absl::Status status = writeCheckpoint(pathOf(step), texts, tensors, values); !status.ok())
    return status;
  if (keep_ == 0)
    return absl::OkStatus();
  std::vector<int64_t> there = steps();
  std::erase_if(there, [&](int64_t other) { return other > step; });
  std::error_code error;
  for (size_t i = 0; i + keep_ < there.size(); ++i)
    std::filesystem::remove(pathOf(there[i]), error);
  return absl::OkStatus();
}

std::optional<Checkpoint> CheckpointFolder::newest(std::vector<std::string> &refused) const {
  std::vector<int64_t> there = steps();
  for (auto step = there.rbegin(); step != there.rend(); ++step) {
    absl::StatusOr<Checkpoint> checkpoint = Checkpoint::open(pathOf(*step));
    if (checkpoint.ok())
      return *std::move(checkpoint);
    refused.emplace_back(checkpoint.status().message());
  }
  return std::nullopt;
}

void CheckpointFolder::removeAfter(int64_t step) const {
  std::error_code error;
  for (int64_t other : steps())
    if (other > step)
      std::filesystem::remove(pathOf(other), error);
}

} // namespace llmc
