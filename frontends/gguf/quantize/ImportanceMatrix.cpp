#include "frontends/gguf/quantize/ImportanceMatrix.h"

#include "absl/strings/match.h"
#include "frontends/gguf/quantize/ImportanceSums.h"
#include <algorithm>

namespace llmc::quantize {

absl::StatusOr<ImportanceMatrix> ImportanceMatrix::load(const std::string &path) {
  absl::StatusOr<ImportanceSums> sums = ImportanceSums::load(path);
  if (!sums.ok())
    return sums.status();
  ImportanceMatrix matrix;
  matrix.path_ = path;
  matrix.chunks_ = sums->chunks();
  if (!sums->datasets().empty())
    matrix.dataset_ = sums->datasets().front();
  for (const auto &[name, entry] : sums->entries()) {
    std::vector<float> &means = matrix.entries_[name];
    for (size_t i = 0; i < entry.sums.size(); ++i)
      means.push_back(static_cast<float>(entry.mean(i)));
  }
  return matrix;
}

void ImportanceMatrix::filter(std::span<const std::string> included,
                              std::span<const std::string> excluded) {
  absl::erase_if(entries_, [&](const auto &entry) {
    auto isIn = [&](const std::string &part) { return absl::StrContains(entry.first, part); };
    return std::ranges::any_of(excluded, isIn) ||
           (!included.empty() && std::ranges::none_of(included, isIn));
  });
}

std::span<const float> ImportanceMatrix::find(absl::string_view tensor) const {
  auto entry = entries_.find(tensor);
  return entry == entries_.end() ? std::span<const float>() : entry->second;
}

} // namespace llmc::quantize
