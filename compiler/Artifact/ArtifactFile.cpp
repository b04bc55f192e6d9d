#include "compiler/Artifact/ArtifactFile.h"
#include "absl/strings/str_cat.h"
#include "compiler/Artifact/ProgramText.h"
#include "frontends/gguf/file/GgufText.h"

namespace llmc {
namespace {

constexpr absl::string_view kRemedy = "; compile the model again";
// So that no number of bytes overflows; far beyond any model's.
constexpr uint64_t kMostExtent = uint64_t(1) << 31, kMostElements = uint64_t(1) << 44;

absl::Status bad(const gguf::GgufFile &file, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(file.path(), ": ", what, kRemedy));
}

} // namespace

bool isArtifact(const gguf::GgufFile &file) { return file.contains(kArtifactVersionKey); }

absl::StatusOr<absl::string_view> artifactProgram(const gguf::GgufFile &file) {
  absl::StatusOr<uint32_t> version = file.get<uint32_t>(kArtifactVersionKey);
  if (!version.ok())
    return version.status();
  if (*version != kArtifactVersion)
    return bad(file, absl::StrCat("was made by another version of llmc (format ", *version,
                                  ", this one reads ", kArtifactVersion, ")"));
  absl::StatusOr<absl::string_view> text = file.get<absl::string_view>(kArtifactProgramKey);
  if (text.ok())
    if (absl::Status status = checkProgramText(*text); !status.ok())
      return bad(file, absl::StrCat(kArtifactProgramKey, ": ", status.message()));
  return text;
}

std::span<const uint8_t> artifactCode(const gguf::GgufFile &file) {
  const gguf::TensorInfo *info = file.findTensor(kArtifactObjectName);
  return info && info->data ? info->span() : std::span<const uint8_t>();
}

absl::StatusOr<std::vector<const uint8_t *>>
artifactWeights(const gguf::GgufFile &file, std::span<const ProgramWeight> weights) {
  std::vector<const uint8_t *> found;
  for (const ProgramWeight &weight : weights) {
    const std::string name = gguf::inQuotes(weight.artifactName());
    if (weight.rows > kMostExtent || weight.columns > kMostExtent ||
        weight.rows * weight.columns > kMostElements)
      return bad(file, absl::StrCat("the program takes tensor ", name, " with ", weight.rows, " x ",
                                    weight.columns, " weights, more than any model has"));
    const gguf::TensorInfo *info = file.findTensor(weight.artifactName());
    if (!info)
      return bad(file, absl::StrCat("tensor ", name, " is missing"));
    if (info->bytes != weight.bytes())
      return bad(file, absl::StrCat("tensor ", name, " has ", info->bytes,
                                    " bytes, the program takes ", weight.bytes()));
    if (reinterpret_cast<uintptr_t>(info->data) % 64 != 0)
      return bad(file, absl::StrCat("tensor ", name, " is not aligned to 64 bytes"));
    found.push_back(info->data);
  }
  return found;
}

} // namespace llmc
