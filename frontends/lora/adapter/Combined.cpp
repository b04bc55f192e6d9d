#include "frontends/lora/adapter/Combined.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "frontends/gguf/file/GgufText.h"
#include <algorithm>
#include <cmath>
#include <filesystem>

namespace llmc::lora {
namespace {

// Puts the rows of `right`, `rightColumns` values each, behind those of `left`.
std::vector<float> sideBySide(const std::vector<float> &left, uint64_t leftColumns,
                              const std::vector<float> &right, uint64_t rightColumns) {
  const uint64_t rows = right.size() / rightColumns;
  std::vector<float> both;
  both.reserve(left.size() + right.size());
  for (uint64_t row = 0; row < rows; ++row) {
    both.insert(both.end(), left.begin() + row * leftColumns,
                left.begin() + (row + 1) * leftColumns);
    both.insert(both.end(), right.begin() + row * rightColumns,
                right.begin() + (row + 1) * rightColumns);
  }
  return both;
}

// A matrix with its scale inside.
AdapterMatrix scaled(const AdapterMatrix &matrix, double scale) {
  AdapterMatrix result = matrix;
  result.alpha = static_cast<float>(result.rank);
  for (float &value : result.b)
    value = static_cast<float>(value * scale);
  return result;
}

void append(AdapterMatrix &sum, const AdapterMatrix &matrix) {
  if (sum.lookup)
    sum.a = sideBySide(sum.a, sum.rank, matrix.a, matrix.rank);
  else
    sum.a.insert(sum.a.end(), matrix.a.begin(), matrix.a.end());
  sum.b = sideBySide(sum.b, sum.rank, matrix.b, matrix.rank);
  sum.rank += matrix.rank;
  sum.alpha = static_cast<float>(sum.rank);
}

} // namespace

std::vector<AdapterMatrix> combine(std::span<const Adapter> adapters,
                                   std::span<const double> scales, const BaseModel &base) {
  Adapter sum;
  for (size_t i = 0; i < adapters.size(); ++i)
    for (const AdapterMatrix &matrix : adapters[i].matrices) {
      const double scale = scales[i] * matrix.scale();
      if (scale == 0)
        continue;
      AdapterMatrix own = scaled(matrix, scale);
      auto known = std::ranges::find(sum.matrices, matrix.weight, &AdapterMatrix::weight);
      if (known == sum.matrices.end())
        sum.matrices.push_back(std::move(own));
      else
        append(*known, own);
    }
  sortLikeBase(sum, base);
  return std::move(sum.matrices);
}

absl::StatusOr<AdapterChoice> parseAdapterChoice(absl::string_view text) {
  AdapterChoice choice{std::string(text)};
  std::error_code none;
  const size_t colon = text.rfind(':');
  double scale;
  if (colon != text.npos && absl::SimpleAtod(text.substr(colon + 1), &scale) &&
      !std::filesystem::exists(choice.path, none)) {
    if (!std::isfinite(scale))
      return absl::InvalidArgumentError(
          absl::StrCat("the scale of ", gguf::inQuotes(text), " is not finite"));
    choice = {std::string(text.substr(0, colon)), scale};
  }
  if (choice.path.empty())
    return absl::InvalidArgumentError(
        absl::StrCat(gguf::inQuotes(text), " names no file; write FILE or FILE:SCALE"));
  return choice;
}

absl::StatusOr<std::vector<AdapterMatrix>> readCombined(std::span<const AdapterChoice> choices,
                                                        const BaseModel &base) {
  std::vector<Adapter> adapters;
  std::vector<double> scales;
  for (const AdapterChoice &choice : choices) {
    absl::StatusOr<Adapter> adapter = readAdapter(choice.path, base);
    if (!adapter.ok())
      return adapter.status();
    adapters.push_back(*std::move(adapter));
    scales.push_back(choice.scale);
    for (const AdapterMatrix &matrix : adapters.back().matrices) {
      for (size_t other = 0; other + 1 < adapters.size(); ++other)
        if (const AdapterMatrix *same = adapters[other].find(matrix.weight);
            same && (same->dora || matrix.dora))
          return absl::InvalidArgumentError(
              absl::StrCat(choice.path, ": ", gguf::inQuotes(matrix.weight),
                           " has two adapters, of which one is DoRA, which does not add up; merge "
                           "one with 'llmc export-lora' first"));
      const double scale = choice.scale * matrix.scale();
      if (std::ranges::any_of(matrix.b, [&](float value) {
            return !std::isfinite(static_cast<float>(value * scale));
          }))
        return absl::InvalidArgumentError(
            absl::StrCat(choice.path, ": ", gguf::inQuotes(matrix.weight), " times ", scale,
                         " is not finite; choose a smaller scale"));
    }
  }
  return combine(adapters, scales, base);
}

} // namespace llmc::lora
