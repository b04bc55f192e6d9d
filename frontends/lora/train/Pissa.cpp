#include "frontends/lora/train/Pissa.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "dialects/llm/Formats/BlockCodec.h"
#include "frontends/lora/config/AdapterPlan.h"
#include "frontends/lora/train/PrincipalPart.h"
#include <algorithm>
#include <cmath>

namespace llmc::lora {
namespace {

// An exact decomposition takes time by the square of the smaller side. Above this one so many
// iterations are as near as PEFT says that its fast one is.
constexpr uint64_t kMostExactSide = 1024;
constexpr int kManyIterations = 16;

std::vector<float> weightsOf(const gguf::TensorInfo &tensor, uint64_t rows, uint64_t columns) {
  std::vector<float> out(rows * columns);
  const uint64_t rowBytes = tensor.format->rowBytes(columns);
  for (uint64_t row = 0; row < rows; ++row)
    decodeRow(*tensor.format, tensor.data + row * rowBytes, columns, out.data() + row * columns);
  return out;
}

} // namespace

absl::Status initializePissa(const TrainConfig &config, const gguf::GgufFile &file,
                             Adapter &adapter, absl::FunctionRef<void(double)> progress) {
  const auto seed = static_cast<uint64_t>(config.seed);
  for (size_t i = 0; i < adapter.matrices.size(); ++i) {
    progress(static_cast<double>(i) / static_cast<double>(adapter.matrices.size()));
    AdapterMatrix &m = adapter.matrices[i];
    const uint64_t rank = m.rank / 2;
    const gguf::TensorInfo *tensor = file.findTensor(m.weight);
    if (!tensor || !tensor->data)
      return absl::InvalidArgumentError(
          absl::StrCat(file.path(), ": has no weights of '", m.weight, "'"));
    const int iterations = pissaIterations(config);
    const bool exact = iterations == 0 && std::min(m.inputs, m.outputs) <= kMostExactSide;
    absl::StatusOr<PrincipalPart> part =
        principalPart(weightsOf(*tensor, m.outputs, m.inputs), m.outputs, m.inputs,
                      {.rank = rank,
                       .iterations = exact || iterations > 0 ? iterations : kManyIterations,
                       .seed = seed + i});
    if (!part.ok())
      return absl::Status(part.status().code(), absl::StrCat(file.path(), ": '", m.weight, "' ",
                                                             part.status().message()));
    // So that scale * B A is the principal part.
    const auto factor = static_cast<float>(1 / std::sqrt(m.scale()));
    m.a.resize(m.rank * m.inputs);
    m.b.resize(m.outputs * m.rank);
    for (size_t k = 0; k < part->a.size(); ++k)
      m.a[k] = m.a[part->a.size() + k] = factor * part->a[k];
    for (uint64_t row = 0; row < m.outputs; ++row)
      for (uint64_t r = 0; r < rank; ++r) {
        const float value = factor * part->b[row * rank + r];
        m.b[row * m.rank + r] = value;
        m.b[row * m.rank + rank + r] = -value;
      }
  }
  progress(1);
  return absl::OkStatus();
}

FrozenHalves::FrozenHalves(const Adapter &plan, TrainingModel &model) {
  const std::vector<TrainedTensor> tensors = model.tensors();
  for (size_t i = 0; i < tensors.size(); ++i) {
    const TrainingModel::Parameter &parameter = model.parameters()[i];
    const bool isA = absl::EndsWith(parameter.name, ".lora_a");
    const AdapterMatrix *matrix =
        plan.find(absl::StripSuffix(parameter.name, isA ? ".lora_a" : ".lora_b"));
    if (!matrix)
      continue;
    const auto half = static_cast<int64_t>(matrix->rank / 2);
    std::vector<float> rows(parameter.rows * parameter.columns), own(tensors[i].values.size());
    for (int64_t row = 0; row < parameter.rows; ++row)
      for (int64_t column = 0; column < parameter.columns; ++column)
        rows[row * parameter.columns + column] = (isA ? row : column) >= half;
    model.fromRows(i, rows, own);
    Part part{tensors[i], {}, {}};
    for (size_t place = 0; place < own.size(); ++place)
      if (own[place] != 0)
        part.places.push_back(static_cast<uint32_t>(place));
    part.values.resize(part.places.size());
    parts_.push_back(std::move(part));
  }
}

void FrozenHalves::hold() {
  for (Part &part : parts_)
    for (size_t i = 0; i < part.places.size(); ++i) {
      part.tensor.gradient[part.places[i]] = 0;
      part.values[i] = part.tensor.values[part.places[i]];
    }
}

void FrozenHalves::restore() {
  for (const Part &part : parts_)
    for (size_t i = 0; i < part.places.size(); ++i)
      part.tensor.values[part.places[i]] = part.values[i];
}

} // namespace llmc::lora
