#include "frontends/gguf/file/GgufFile.h"

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "frontends/gguf/file/GgufParser.h"
#include "frontends/gguf/file/GgufText.h"
#include "frontends/gguf/file/GgufValues.h"
#include "runtime/core/MappedFile.h"
#include <iterator>
#include <optional>
#include <utility>

namespace llmc::gguf {
namespace {

// Where a file stands in a split, by its metadata.
struct SplitPlace {
  uint32_t no = 0; // counted from 0
  uint32_t count = 1;
};

template <MetadataValue T>
absl::StatusOr<T> require(const ParsedFile &file, absl::string_view key, absl::string_view name) {
  auto found = file.keys.find(key);
  if (found == file.keys.end())
    return absl::NotFoundError(absl::StrCat(name, ": metadata key ", inQuotes(key),
                                            " is missing (expected ", typeNameOf<T>(),
                                            "); convert the model again with a current converter"));
  return scalarAs<T>(file.keyValues[found->second], name);
}

absl::StatusOr<SplitPlace> splitPlace(const ParsedFile &file, absl::string_view name) {
  if (!file.keys.contains("split.count"))
    return SplitPlace();
  absl::StatusOr<uint32_t> count = require<uint32_t>(file, "split.count", name);
  if (!count.ok())
    return count.status();
  if (*count <= 1)
    return SplitPlace();
  absl::StatusOr<uint32_t> no = require<uint32_t>(file, "split.no", name);
  if (!no.ok())
    return no.status();
  if (*no >= *count)
    return absl::InvalidArgumentError(absl::StrCat(name, ": metadata key 'split.no' is ", *no,
                                                   ", not below the 'split.count' of ", *count,
                                                   "; ", damagedRemedy));
  return SplitPlace{*no, *count};
}

std::string partPath(absl::string_view prefix, SplitPlace place) {
  return absl::StrFormat("%s-%05d-of-%05d.gguf", prefix, place.no + 1, place.count);
}

// The PREFIX of `PREFIX-00002-of-00003.gguf` where the numbers are those of `place`.
std::optional<absl::string_view> splitPrefix(absl::string_view path, SplitPlace place) {
  std::string ending = partPath("", place);
  if (!absl::EndsWith(path, ending))
    return std::nullopt;
  return path.substr(0, path.size() - ending.size());
}

} // namespace

struct GgufFile::Impl {
  std::string path;
  std::vector<MappedFile> mappings; // one for each part; none for parse()
  ParsedFile first;                 // without its tensors, which are below
  std::vector<TensorInfo> tensors;
  absl::flat_hash_map<std::string, size_t> tensorIndex;
  unsigned parts = 1;
  uint64_t fileBytes = 0;

  absl::Status addTensors(std::vector<TensorInfo> added, unsigned part, absl::string_view name);
  absl::Status addOtherParts(SplitPlace place, const OpenOptions &options);
};

absl::Status GgufFile::Impl::addTensors(std::vector<TensorInfo> added, unsigned part,
                                        absl::string_view name) {
  for (TensorInfo &tensor : added) {
    auto [entry, isNew] = tensorIndex.try_emplace(tensor.name, tensors.size());
    if (!isNew)
      return absl::InvalidArgumentError(absl::StrCat(
          name, ": tensor ", inQuotes(tensor.name), ": it is also in part ",
          tensors[entry->second].split + 1, " of the split; fetch or split the model again"));
    tensor.split = part;
    tensors.push_back(std::move(tensor));
  }
  return absl::OkStatus();
}

// After the first part, which says that it is `place`, opens the others.
absl::Status GgufFile::Impl::addOtherParts(SplitPlace place, const OpenOptions &options) {
  std::optional<absl::string_view> prefix = splitPrefix(path, place);
  std::string firstPath = partPath(prefix.value_or("PREFIX"), {0, place.count});
  if (place.no != 0)
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": this is part ", place.no + 1, " of ", place.count,
                     " of a split model; open the first part, ", firstPath));
  if (!prefix)
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": this is part 1 of ", place.count,
                     " of a split model, but its name does not say so; name the parts ", firstPath,
                     " to ", partPath("PREFIX", {place.count - 1, place.count})));
  absl::StatusOr<uint64_t> total = require<uint64_t>(first, "split.tensors.count", path);
  if (!total.ok())
    return total.status();
  for (uint32_t no = 1; no < place.count; ++no) {
    std::string name = partPath(*prefix, {no, place.count});
    absl::StatusOr<MappedFile> mapping = MappedFile::open(name);
    if (!mapping.ok())
      return absl::Status(mapping.status().code(),
                          absl::StrCat(mapping.status().message(), "; all ", place.count,
                                       " parts of the split must lie beside ", path));
    absl::StatusOr<ParsedFile> part = parseFile(mapping->bytes(), name, options);
    if (!part.ok())
      return part.status();
    absl::StatusOr<SplitPlace> found = splitPlace(*part, name);
    if (!found.ok())
      return found.status();
    if (found->no != no || found->count != place.count)
      return absl::InvalidArgumentError(
          absl::StrCat(name, ": its metadata says part ", found->no + 1, " of ", found->count,
                       ", its name says part ", no + 1, " of ", place.count,
                       "; fetch the parts again under their own names"));
    if (absl::Status status = addTensors(std::move(part->tensors), no, name); !status.ok())
      return status;
    fileBytes += mapping->bytes().size();
    mappings.push_back(*std::move(mapping));
  }
  parts = place.count;
  if (*total != tensors.size())
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": metadata key 'split.tensors.count' is ", *total, ", but the ", parts,
                     " parts have ", tensors.size(), " tensors; fetch or split the model again"));
  return absl::OkStatus();
}

GgufFile::GgufFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
GgufFile::~GgufFile() = default;

absl::StatusOr<std::shared_ptr<GgufFile>> GgufFile::open(const std::string &path,
                                                         const OpenOptions &options) {
  absl::StatusOr<MappedFile> mapping = MappedFile::open(path);
  if (!mapping.ok())
    return mapping.status();
  absl::StatusOr<ParsedFile> parsed = parseFile(mapping->bytes(), path, options);
  if (!parsed.ok())
    return parsed.status();
  absl::StatusOr<SplitPlace> place = splitPlace(*parsed, path);
  if (!place.ok())
    return place.status();
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  impl->fileBytes = mapping->bytes().size();
  impl->mappings.push_back(*std::move(mapping));
  impl->first = *std::move(parsed);
  if (absl::Status status = impl->addTensors(std::exchange(impl->first.tensors, {}), 0, path);
      !status.ok())
    return status;
  if (place->count > 1)
    if (absl::Status status = impl->addOtherParts(*place, options); !status.ok())
      return status;
  return std::shared_ptr<GgufFile>(new GgufFile(std::move(impl)));
}

absl::StatusOr<std::shared_ptr<GgufFile>> GgufFile::parse(std::span<const uint8_t> bytes,
                                                          absl::string_view name,
                                                          const OpenOptions &options) {
  absl::StatusOr<ParsedFile> parsed = parseFile(bytes, name, options);
  if (!parsed.ok())
    return parsed.status();
  absl::StatusOr<SplitPlace> place = splitPlace(*parsed, name);
  if (!place.ok())
    return place.status();
  if (place->count > 1)
    return absl::InvalidArgumentError(absl::StrCat(name, ": this is part ", place->no + 1, " of ",
                                                   place->count,
                                                   " of a split model; open it by its path"));
  auto impl = std::make_unique<Impl>();
  impl->path = std::string(name);
  impl->fileBytes = bytes.size();
  impl->first = *std::move(parsed);
  if (absl::Status status = impl->addTensors(std::exchange(impl->first.tensors, {}), 0, name);
      !status.ok())
    return status;
  return std::shared_ptr<GgufFile>(new GgufFile(std::move(impl)));
}

const std::string &GgufFile::path() const { return impl_->path; }
uint32_t GgufFile::version() const { return impl_->first.version; }
unsigned GgufFile::parts() const { return impl_->parts; }
uint32_t GgufFile::alignment() const { return impl_->first.alignment; }
uint64_t GgufFile::fileBytes() const { return impl_->fileBytes; }
std::span<const KeyValue> GgufFile::keyValues() const { return impl_->first.keyValues; }
std::span<const TensorInfo> GgufFile::tensors() const { return impl_->tensors; }

const KeyValue *GgufFile::find(absl::string_view key) const {
  auto found = impl_->first.keys.find(key);
  return found == impl_->first.keys.end() ? nullptr : &impl_->first.keyValues[found->second];
}

const TensorInfo *GgufFile::findTensor(absl::string_view name) const {
  auto found = impl_->tensorIndex.find(name);
  return found == impl_->tensorIndex.end() ? nullptr : &impl_->tensors[found->second];
}

template <MetadataValue T>
absl::StatusOr<T> GgufFile::get(absl::string_view key) const {
  return require<T>(impl_->first, key, impl_->path);
}

template <MetadataValue T>
absl::StatusOr<std::vector<T>> GgufFile::getArray(absl::string_view key) const {
  const KeyValue *found = find(key);
  if (!found)
    return absl::NotFoundError(absl::StrCat(impl_->path, ": metadata key ", inQuotes(key),
                                            " is missing (expected array of ", typeNameOf<T>(),
                                            "); convert the model again with a current converter"));
  return arrayAs<T>(*found, impl_->path);
}

#define LLMC_INSTANTIATE(T)                                                                        \
  template absl::StatusOr<T> GgufFile::get<T>(absl::string_view) const;                            \
  template absl::StatusOr<std::vector<T>> GgufFile::getArray<T>(absl::string_view) const;
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
