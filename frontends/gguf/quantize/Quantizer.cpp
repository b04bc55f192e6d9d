#include "frontends/gguf/quantize/Quantizer.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "frontends/gguf/file/GgufText.h"
#include "frontends/gguf/file/GgufWriter.h"
#include "frontends/gguf/quantize/QuantizedMetadata.h"
#include "frontends/gguf/quantize/TensorEncoder.h"
#include <algorithm>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace llmc::quantize {
namespace {

constexpr uint64_t kCopyPiece = 8 << 20;

bool isSameFile(const std::string &a, const std::string &b) {
  struct stat first, second;
  return stat(a.c_str(), &first) == 0 && stat(b.c_str(), &second) == 0 &&
         first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

// PREFIX-00001-of-0000N.gguf
std::string partPath(absl::string_view prefix, unsigned part, unsigned parts) {
  return absl::StrCat(prefix, absl::StrFormat("-%05d-of-%05d.gguf", part + 1, parts));
}

// Whether `path` is one of the files that `source` was read from.
bool isPartOf(const gguf::GgufFile &source, const std::string &path) {
  if (isSameFile(source.path(), path))
    return true;
  absl::string_view prefix = source.path();
  constexpr size_t tail = sizeof("-00001-of-00001.gguf") - 1;
  if (source.parts() < 2 || prefix.size() < tail)
    return false;
  prefix.remove_suffix(tail);
  for (unsigned part = 1; part < source.parts(); ++part)
    if (isSameFile(partPath(prefix, part, source.parts()), path))
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

} // namespace

unsigned outputParts(const gguf::GgufFile &source, const QuantizationPlan &plan) {
  return plan.options.keepSplit ? source.parts() : 1;
}

std::string outputPath(const gguf::GgufFile &source, const QuantizationPlan &plan,
                       const std::string &path, unsigned part) {
  const unsigned parts = outputParts(source, plan);
  return parts == 1 ? path : partPath(absl::StripSuffix(path, ".gguf"), part, parts);
}

absl::Status quantizeFile(const gguf::GgufFile &source, const QuantizationPlan &plan,
                          const ImportanceMatrix *importance, const std::string &path,
                          ThreadTeam &team,
                          absl::FunctionRef<absl::Status(uint64_t sourceBytes)> progress) {
  const unsigned parts = outputParts(source, plan);
  if (!plan.lacksImportance.empty())
    return absl::InvalidArgumentError(absl::StrCat(
        source.path(), ": tensor ", gguf::inQuotes(plan.lacksImportance), " as ",
        plan.options.fileType->name,
        " needs an importance matrix; give one with --imatrix, or choose a larger type"));
  // All are there before the work begins, and get their names when it is done.
  std::vector<std::unique_ptr<gguf::GgufWriter>> writers;
  for (unsigned part = 0; part < parts; ++part) {
    const std::string name = outputPath(source, plan, path, part);
    if (isPartOf(source, name))
      return absl::InvalidArgumentError(
          absl::StrCat(name, ": the output is the input; give it another name"));
    absl::StatusOr<std::unique_ptr<gguf::GgufWriter>> created = gguf::GgufWriter::create(name);
    if (!created.ok())
      return created.status();
    absl::Status status;
    if (part == 0)
      status = writeMetadata(**created, source, plan, importance);
    if (parts > 1)
      status.Update(writeSplitMetadata(**created, part, parts, plan.tensors.size()));
    if (!status.ok())
      return status;
    writers.push_back(*std::move(created));
  }
  auto writerOf = [&](const PlannedTensor &planned) -> gguf::GgufWriter & {
    return *writers[parts == 1 ? 0 : planned.tensor->split];
  };
  for (const PlannedTensor &planned : plan.tensors) {
    const gguf::TensorInfo &tensor = *planned.tensor;
    uint32_t type = planned.isCopied() ? tensor.ggmlType : planned.format->ggmlType;
    if (absl::Status status =
            writerOf(planned).addTensor(planned.name, tensor.shape, type, planned.bytes);
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
        return encodeTensor(tensor, source.path(), *planned.format, planned.importance,
                            planned.change, team, take);
      for (uint64_t at = 0; at < tensor.bytes; at += kCopyPiece)
        if (absl::Status status =
                take(tensor.span().subspan(at, std::min(kCopyPiece, tensor.bytes - at)));
            !status.ok())
          return status;
      return absl::OkStatus();
    };
    if (absl::Status status = writerOf(planned).writeTensor(planned.name, produce); !status.ok())
      return status;
    releasePages(tensor.span());
    done += tensor.bytes;
  }
  // The first part last: who finds it finds them all.
  for (auto writer = writers.rbegin(); writer != writers.rend(); ++writer)
    if (absl::Status status = (*writer)->finish(); !status.ok())
      return status;
  return absl::OkStatus();
}

} // namespace llmc::quantize
