#include "tools/llmc/ModelSummary.h"
#include "absl/strings/str_cat.h"
#include "frontends/gguf/file/GgufText.h"
#include <algorithm>

namespace llmc::cli {
namespace {

std::string textOf(const gguf::GgufFile &file, absl::string_view key) {
  absl::StatusOr<absl::string_view> text = file.get<absl::string_view>(key);
  return text.ok() ? gguf::printable(*text, 120) : "";
}

} // namespace

std::string tensorTypeName(const gguf::TensorInfo &tensor) {
  if (tensor.format)
    return tensor.format->ggufName;
  switch (tensor.ggmlType) {
  case 24:
    return "I8";
  case 25:
    return "I16";
  case 26:
    return "I32";
  case 27:
    return "I64";
  case 28:
    return "F64";
  default:
    return absl::StrCat("type ", tensor.ggmlType);
  }
}

void ModelSummary::add(absl::string_view type, uint64_t tensorParameters, uint64_t bytes,
                       uint64_t experts, uint64_t used) {
  auto share = std::find_if(types.begin(), types.end(),
                            [&](const TypeShare &other) { return other.name == type; });
  if (share == types.end())
    share = types.insert(share, TypeShare{std::string(type)});
  ++share->tensors;
  share->parameters += tensorParameters;
  share->bytes += bytes;
  parameters += tensorParameters;
  active += tensorParameters / experts * used;
  tensorBytes += bytes;
}

void ModelSummary::sortTypes() {
  std::stable_sort(types.begin(), types.end(),
                   [](const TypeShare &a, const TypeShare &b) { return a.bytes > b.bytes; });
}

ModelSummary summarize(const gguf::GgufFile &file) {
  ModelSummary summary{textOf(file, "general.architecture"), textOf(file, "general.name")};
  auto number = [&](absl::string_view key) -> uint64_t {
    return file.getOr<uint64_t>(absl::StrCat(summary.architecture, ".", key), 0).value_or(0);
  };
  const uint64_t experts = number("expert_count"), used = number("expert_used_count");
  for (const gguf::TensorInfo &tensor : file.tensors()) {
    // One matrix of each expert.
    const bool several = tensor.shape.size() > 2 && tensor.shape[2] == experts && used <= experts;
    summary.add(tensorTypeName(tensor), tensor.elements(), tensor.bytes, several ? experts : 1,
                several ? used : 1);
  }
  summary.sortTypes();
  return summary;
}

ModelSummary summarize(const gguf::GgufFile &file, const ProgramManifest &manifest) {
  ModelSummary summary{textOf(file, "general.architecture"), textOf(file, "general.name")};
  for (const ProgramWeight &weight : manifest.weights)
    summary.add(weight.format->ggufName, weight.rows * weight.columns, weight.bytes(),
                weight.experts, weight.used);
  summary.sortTypes();
  return summary;
}

MemoryNeeds memoryNeeds(const ProgramManifest &manifest, int64_t context) {
  constexpr int64_t kBlock = 64, kLogitsRows = 32;
  MemoryNeeds needs;
  needs.context = context ? context : std::min<int64_t>(manifest.contextLength, 4096);
  const int64_t capacity = (needs.context + kBlock - 1) / kBlock * kBlock;
  for (const KvCacheShape &cache : manifest.caches)
    needs.cache += cache.bytes(capacity);
  for (const ProgramWeight &weight : manifest.weights)
    needs.weights += weight.bytes();
  needs.scratch = manifest.arenaBytes +
                  4 * (manifest.maxRows * manifest.width + kLogitsRows * manifest.vocabulary);
  return needs;
}

} // namespace llmc::cli
