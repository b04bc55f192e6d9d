#include "frontends/lora/adapter/Adapter.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "frontends/gguf/file/GgufText.h"
#include "frontends/lora/adapter/GgufAdapter.h"
#include "frontends/lora/adapter/PeftAdapter.h"
#include <algorithm>
#include <cmath>
#include <filesystem>

namespace llmc::lora {
namespace {

// What both formats have to get right for one weight; empty when it is right.
std::string problemOf(const AdapterMatrix &matrix, const BaseModel &base) {
  const BaseMatrix *weight = base.find(matrix.weight);
  if (!weight)
    return absl::StrCat(base.path(), " has no such matrix (it has ", base.layers(), " layers)");
  const uint64_t columns = matrix.lookup ? matrix.outputs : matrix.inputs;
  const uint64_t rows = matrix.lookup ? matrix.inputs : matrix.outputs;
  if (columns != weight->columns || rows != weight->rows)
    return absl::StrCat("it adapts a matrix of ", rows, " x ", columns, ", that of ", base.path(),
                        " is ", weight->rows, " x ", weight->columns);
  return "";
}

bool allFinite(const std::vector<float> &values) {
  return std::ranges::all_of(values, [](float value) { return std::isfinite(value); });
}

} // namespace

const AdapterMatrix *Adapter::find(absl::string_view weight) const {
  for (const AdapterMatrix &matrix : matrices)
    if (matrix.weight == weight)
      return &matrix;
  return nullptr;
}

absl::StatusOr<Adapter> readAdapter(const std::string &path, const BaseModel &base) {
  std::error_code error;
  const std::filesystem::path file(path);
  const bool peft =
      std::filesystem::is_directory(file, error) || file.extension() == ".safetensors";
  absl::StatusOr<Adapter> adapter =
      peft ? readPeftAdapter(path, base) : readGgufAdapter(path, base);
  if (!adapter.ok())
    return adapter;
  if (absl::Status status = checkAdapter(*adapter, base); !status.ok())
    return status;
  sortLikeBase(*adapter, base);
  return adapter;
}

absl::Status checkAdapter(const Adapter &adapter, const BaseModel &base) {
  if (adapter.architecture != base.architecture())
    return absl::InvalidArgumentError(
        absl::StrCat(adapter.path, ": an adapter for architecture ",
                     gguf::inQuotes(adapter.architecture), ", ", base.path(), " is ",
                     gguf::inQuotes(base.architecture()), "; give the model that it was made for"));
  if (adapter.matrices.empty())
    return absl::InvalidArgumentError(
        absl::StrCat(adapter.path, ": the adapter has no matrices; train or convert it again"));
  absl::flat_hash_set<absl::string_view> seen;
  for (const AdapterMatrix &matrix : adapter.matrices) {
    const std::string where = absl::StrCat(adapter.path, ": ", gguf::inQuotes(matrix.weight), ": ");
    if (!seen.insert(matrix.weight).second)
      return absl::InvalidArgumentError(absl::StrCat(where, "it is adapted twice"));
    if (matrix.rank == 0 || matrix.a.size() != matrix.rank * matrix.inputs ||
        matrix.b.size() != matrix.rank * matrix.outputs)
      return absl::InvalidArgumentError(
          absl::StrCat(where, "the ranks of its two matrices do not fit together"));
    if (matrix.magnitude.size() != (matrix.dora ? matrix.outputs : 0) ||
        (matrix.dora && matrix.lookup))
      return absl::InvalidArgumentError(
          absl::StrCat(where, "DoRA has a magnitude for each row of a matrix, and there are ",
                       matrix.magnitude.size(), "; train the adapter again"));
    if (std::string problem = problemOf(matrix, base); !problem.empty())
      return absl::InvalidArgumentError(
          absl::StrCat(where, problem, "; give the model that the adapter was made for"));
    if (!std::isfinite(matrix.alpha) || !allFinite(matrix.a) || !allFinite(matrix.b) ||
        !allFinite(matrix.magnitude))
      return absl::InvalidArgumentError(absl::StrCat(
          where, "there are values that are not finite; train the adapter again with a "
                 "lower learning rate"));
  }
  return absl::OkStatus();
}

void sortLikeBase(Adapter &adapter, const BaseModel &base) {
  std::ranges::sort(adapter.matrices, {}, [&](const AdapterMatrix &matrix) {
    return std::pair(base.position(matrix.weight), absl::string_view(matrix.weight));
  });
}

void addDelta(const AdapterMatrix &matrix, double scale, uint64_t row, std::span<float> weights) {
  const uint64_t rank = matrix.rank;
  if (matrix.lookup) {
    const float *a = matrix.a.data() + row * rank;
    for (uint64_t n = 0; n < weights.size(); ++n) {
      double sum = 0;
      for (uint64_t r = 0; r < rank; ++r)
        sum += double(a[r]) * matrix.b[n * rank + r];
      weights[n] += static_cast<float>(scale * sum);
    }
    return;
  }
  // One row of A after the other, because they are what lies together in memory.
  std::vector<float> sum(weights.size());
  for (uint64_t r = 0; r < rank; ++r) {
    const float factor = static_cast<float>(scale * matrix.b[row * rank + r]);
    const float *a = matrix.a.data() + r * matrix.inputs;
    for (uint64_t k = 0; k < sum.size(); ++k)
      sum[k] += factor * a[k];
  }
  for (uint64_t k = 0; k < sum.size(); ++k)
    weights[k] += sum[k];
}

double rowNorm(std::span<const float> weights) {
  double square = 0;
  for (float weight : weights)
    square += double(weight) * weight;
  return std::sqrt(square);
}

void mergeRow(const AdapterMatrix &matrix, double scale, uint64_t row, std::span<float> weights) {
  addDelta(matrix, scale, row, weights);
  if (!matrix.dora)
    return;
  const double norm = rowNorm(weights);
  // A row of zeros has no direction to scale.
  const double factor = norm > 0 ? matrix.magnitude[row] / norm : 0;
  for (float &weight : weights)
    weight = static_cast<float>(weight * factor);
}

} // namespace llmc::lora
