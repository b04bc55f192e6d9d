#include "frontends/lora/train/AdapterParameters.h"
#include "dialects/llm/Formats/BlockCodec.h"
#include <cmath>

namespace llmc::lora {

absl::StatusOr<std::unique_ptr<AdapterParameters>>
AdapterParameters::create(const TrainConfig &config, const BaseModel &base,
                          const gguf::GgufFile *file, Adapter plan, TrainingModel &model) {
  absl::StatusOr<ModelAdapter> adapter = ModelAdapter::create(std::move(plan), model);
  if (!adapter.ok())
    return adapter.status();
  return std::unique_ptr<AdapterParameters>(
      new AdapterParameters(config, base, file, *std::move(adapter), model));
}

namespace {

std::vector<float> rowNorms(const gguf::TensorInfo &tensor, uint64_t rows, uint64_t columns) {
  std::vector<float> norms, row(columns);
  const uint64_t bytes = tensor.format->rowBytes(columns);
  for (uint64_t n = 0; n < rows; ++n) {
    decodeRow(*tensor.format, tensor.data + n * bytes, columns, row.data());
    double square = 0;
    for (float weight : row)
      square += double(weight) * weight;
    norms.push_back(static_cast<float>(std::sqrt(square)));
  }
  return norms;
}

} // namespace

void AdapterParameters::addBaseNorms(Adapter &adapter) {
  baseNorms_.resize(adapter.matrices.size());
  for (size_t i = 0; i < adapter.matrices.size(); ++i) {
    AdapterMatrix &matrix = adapter.matrices[i];
    if (!matrix.dora || !matrix.magnitude.empty())
      continue;
    if (baseNorms_[i].empty())
      baseNorms_[i] = rowNorms(*file_->findTensor(matrix.weight), matrix.outputs, matrix.inputs);
    matrix.magnitude = baseNorms_[i];
  }
}

absl::Status AdapterParameters::initialize() {
  absl::StatusOr<Adapter> first = firstAdapter(config_, adapter_.plan(), base_);
  if (!first.ok())
    return first.status();
  addBaseNorms(*first);
  adapter_.store(*first);
  return absl::OkStatus();
}

absl::Status AdapterParameters::restoreBase() {
  // Matrices of zeros change nothing.
  Adapter none = adapter_.plan();
  for (AdapterMatrix &matrix : none.matrices) {
    matrix.a.assign(matrix.rank * matrix.inputs, 0);
    matrix.b.assign(matrix.rank * matrix.outputs, 0);
  }
  addBaseNorms(none);
  adapter_.store(none);
  return absl::OkStatus();
}

absl::Status AdapterParameters::write(const OutputFolder &output) const {
  return output.writeAdapter(adapter_.values(), base_);
}

absl::Status AdapterParameters::dumpFirst(const DebugDumps &dumps) const {
  return dumps.writeFirst(adapter_.values());
}

absl::Status AdapterParameters::dumpGradients(const DebugDumps &dumps, int64_t step,
                                              double scale) const {
  return dumps.writeGradients(step, adapter_.gradients(scale));
}

std::vector<TrainableParameters::Kind> AdapterParameters::kinds() const {
  std::vector<Kind> kinds;
  for (const AdapterMatrix &matrix : adapter_.plan().matrices)
    addToKind(kinds, matrix.weight,
              matrix.rank * (matrix.inputs + matrix.outputs) + (matrix.dora ? matrix.outputs : 0),
              matrix.rank);
  return kinds;
}

} // namespace llmc::lora
