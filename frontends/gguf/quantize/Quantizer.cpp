#include "frontends/gguf/quantize/Quantizer.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "frontends/gguf/file/GgufText.h"
#include "frontends/gguf/file/GgufWriter.h"
#include "frontends/gguf/quantize/TensorEncoder.h"
#include <algorithm>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace llmc::quantize {
namespace {

constexpr uint32_t kQuantizationVersion = 2; // of ggml's block layouts
constexpr uint64_t kCopyPiece = 8 << 20;
constexpr size_t kMostOverrideText = 127; // llama.cpp cuts strings that it sets here

bool isSameFile(const std::string &a, const std::string &b) {
  struct stat first, second;
  return stat(a.c_str(), &first) == 0 && stat(b.c_str(), &second) == 0 &&
         first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

// Whether `path` is one of the files that `source` was read from.
bool isPartOf(const gguf::GgufFile &source, const std::string &path) {
  if (isSameFile(source.path(), path))
    return true;
  // PREFIX-00001-of-0000N.gguf
  const std::string &first = source.path();
  constexpr size_t tail = sizeof("-00001-of-00001.gguf") - 1;
  if (source.parts() < 2 || first.size() < tail)
    return false;
  for (unsigned part = 2; part <= source.parts(); ++part)
    if (isSameFile(absl::StrCat(first.substr(0, first.size() - tail),
                                absl::StrFormat("-%05d-of-%05d.gguf", part, source.parts())),
                   path))
      return true;
  return false;
}

// Lets go of the source's pages that were read, which stay in the page cache.
void releasePages(std::span<const uint8_t> bytes) {
  const uintptr_t page = sysconf(_SC_PAGESIZE);
  uintptr_t begin = (reinterpret_cast<uintptr_t>(bytes.data()) + page - 1) / page * page;
  uintptr_t end = reinterpret_cast<uintptr_t>(bytes.data() + bytes.size()) / page * page;
  if (begin < end)
    madvise(reinterpret_cast<void *>(begin), end - begin, MADV_DONTNEED);
}

absl::Status setMetadata(gguf::GgufWriter &writer, const gguf::GgufFile &source,
                         const QuantizationPlan &plan, const ImportanceMatrix *importance) {
  absl::Status status = writer.copyMetadata(source);
  // Last, as llama-quantize has them.
  auto set = [&](absl::string_view key, const auto &value) {
    writer.remove(key);
    status.Update(writer.set(key, value));
  };
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
  return status;
}

} // namespace

absl::Status quantizeFile(const gguf::GgufFile &source, const QuantizationPlan &plan,
                          const ImportanceMatrix *importance, const std::string &path,
                          ThreadTeam &team,
                          absl::FunctionRef<absl::Status(uint64_t sourceBytes)> progress) {
  if (isPartOf(source, path))
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": the output is the input; give it another name"));
  if (!plan.lacksImportance.empty())
    return absl::InvalidArgumentError(absl::StrCat(
        source.path(), ": tensor ", gguf::inQuotes(plan.lacksImportance), " as ",
        plan.options.fileType->name,
        " needs an importance matrix; give one with --imatrix, or choose a larger type"));
  absl::StatusOr<std::unique_ptr<gguf::GgufWriter>> created = gguf::GgufWriter::create(path);
  if (!created.ok())
    return created.status();
  gguf::GgufWriter &writer = **created;
  if (absl::Status status = setMetadata(writer, source, plan, importance); !status.ok())
    return status;
  for (const PlannedTensor &planned : plan.tensors) {
    const gguf::TensorInfo &tensor = *planned.tensor;
    uint32_t type = planned.isCopied() ? tensor.ggmlType : planned.format->ggmlType;
    if (absl::Status status = writer.addTensor(tensor.name, tensor.shape, type, planned.bytes);
        !status.ok())
      return status;
  }
  uint64_t done = 0; // source bytes of complete tensors
  for (const PlannedTensor &planned : plan.tensors) {
    const gguf::TensorInfo &tensor = *planned.tensor;
    uint64_t written = 0;
    auto produce = [&](gguf::GgufWriter::Append append) -> absl::Status {
      auto take = [&](std::span<const uint8_t> piece) -> absl::Status {
        if (absl::Status status = append(piece); !status.ok())
          return status;
        written += piece.size();
        double share = static_cast<double>(written) / static_cast<double>(planned.bytes);
        return progress(done + static_cast<uint64_t>(share * static_cast<double>(tensor.bytes)));
      };
      if (!planned.isCopied())
        return encodeTensor(tensor, source.path(), *planned.format, planned.importance, team, take);
      for (uint64_t at = 0; at < tensor.bytes; at += kCopyPiece)
        if (absl::Status status =
                take(tensor.span().subspan(at, std::min(kCopyPiece, tensor.bytes - at)));
            !status.ok())
          return status;
      return absl::OkStatus();
    };
    if (absl::Status status = writer.writeTensor(tensor.name, produce); !status.ok())
      return status;
    releasePages(tensor.span());
    done += tensor.bytes;
  }
  return writer.finish();
}

} // namespace llmc::quantize
