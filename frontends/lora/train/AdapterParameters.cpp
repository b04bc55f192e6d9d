#include "frontends/lora/train/AdapterParameters.h"
#include "dialects/llm/Formats/BlockCodec.h"

namespace llmc::lora {

absl::StatusOr<std::unique_ptr<AdapterParameters>>
AdapterParameters::create(const TrainConfig &config, const BaseModel &base,
                          const gguf::GgufFile *file, Adapter plan, TrainingModel &model,
                          std::function<void(double)> progress) {
  absl::StatusOr<ModelAdapter> adapter = ModelAdapter::create(std::move(plan), model);
  if (!adapter.ok())
    return adapter.status();
  return std::unique_ptr<AdapterParameters>(
      new AdapterParameters(config, base, file, *std::move(adapter), model, std::move(progress)));
}

AdapterParameters::AdapterParameters(const TrainConfig &config, const BaseModel &base,
                                     const gguf::GgufFile *file, ModelAdapter adapter,
                                     TrainingModel &model, std::function<void(double)> progress)
    : config_(config), base_(base), file_(file), adapter_(std::move(adapter)), model_(model),
      progress_(std::move(progress)) {
  if (isPissa(config))
    frozen_.emplace(adapter_.plan(), model);
}

namespace {

std::vector<float> rowNorms(const gguf::TensorInfo &tensor, uint64_t rows, uint64_t columns) {
  std::vector<float> norms, row(columns);
  const uint64_t bytes = tensor.format->rowBytes(columns);
  for (uint64_t n = 0; n < rows; ++n) {
    decodeRow(*tensor.format, tensor.data + n * bytes, columns, row.data());
    norms.push_back(static_cast<float>(rowNorm(row)));
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
  if (isPissa(config_)) {
    Adapter first = adapter_.plan();
    if (!file_)
      return absl::InternalError("lora.init: pissa has no weights to begin with");
    absl::Status status = initializePissa(config_, *file_, first, progress_);
    if (status.ok())
      adapter_.store(first);
    return status;
  }
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

void AdapterParameters::beforeUpdate() {
  if (frozen_)
    frozen_->hold();
}

void AdapterParameters::afterUpdate() {
  if (frozen_)
    frozen_->restore();
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
    // Of lora.init: pissa one half is frozen.
    addToKind(kinds, matrix.weight,
              matrix.rank / (frozen_ ? 2 : 1) * (matrix.inputs + matrix.outputs) +
                  (matrix.dora ? matrix.outputs : 0),
              matrix.rank);
  return kinds;
}

} // namespace llmc::lora
