#include "runtime/train/CompiledTraining.h"

#include "absl/strings/str_cat.h"
#include "runtime/abi/EntryPoints.h"

namespace llmc {

namespace {

// Floats of a row of one number.
constexpr int64_t kRow = 16;

} // namespace

absl::StatusOr<std::unique_ptr<CompiledTraining>>
CompiledTraining::create(Program program, int64_t sequence, ThreadTeam &team) {
  std::unique_ptr<CompiledTraining> model(new CompiledTraining(std::move(program), sequence, team));
  if (absl::Status status = model->allocate(); !status.ok())
    return status;
  return model;
}

absl::Status CompiledTraining::allocate() {
  const ProgramManifest &manifest = program_.manifest;
  int64_t floats = 0;
  for (const ProgramParameter &parameter : manifest.parameters) {
    parameters_.push_back(
        {parameter.name, parameter.rows, parameter.columns, parameter.source, parameter.firstRow});
    floats += parameter.floats();
  }
  const int64_t rows = manifest.maxRows + kResultRowPadding;
  struct Piece {
    std::shared_ptr<PageMemory> &memory;
    uint64_t bytes;
  };
  for (Piece piece : {Piece{values_, uint64_t(floats) * sizeof(float)},
                      Piece{gradients_, uint64_t(floats) * sizeof(float)},
                      Piece{arena_, uint64_t(manifest.arenaBytes)},
                      Piece{scratch_, uint64_t(manifest.scratchBytes) * team_.threads()},
                      Piece{lossWeights_, uint64_t(rows * kRow) * sizeof(float)},
                      Piece{lossRows_, uint64_t(rows * kRow) * sizeof(float)}}) {
    absl::StatusOr<std::shared_ptr<PageMemory>> memory = PageMemory::allocate(piece.bytes);
    if (!memory.ok())
      return memory.status();
    piece.memory = *memory;
  }
  auto *values = reinterpret_cast<float *>(values_->data());
  auto *gradients = reinterpret_cast<float *>(gradients_->data());
  for (const ProgramParameter &parameter : manifest.parameters) {
    addresses_.insert(addresses_.end(), {values, gradients});
    values += parameter.floats();
    gradients += parameter.floats();
  }
  return absl::OkStatus();
}

std::vector<TrainedTensor> CompiledTraining::tensors() {
  std::vector<TrainedTensor> tensors;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const ProgramParameter &parameter = program_.manifest.parameters[i];
    const auto floats = static_cast<size_t>(parameter.floats());
    const uint64_t row = parameter.layout == ProgramParameter::Layout::Packed
                             ? uint64_t(16 * parameter.columns)
                             : uint64_t(parameter.stride());
    std::vector<uint64_t> shape{floats / row, row};
    if (parameter.layout == ProgramParameter::Layout::Vector)
      shape = {floats};
    tensors.push_back({parameter.name,
                       std::move(shape),
                       {addresses_[2 * i], floats},
                       {addresses_[2 * i + 1], floats}});
  }
  return tensors;
}

namespace {

// Calls `body` with the places of each element of a parameter, in its own order and in rows.
template <class Body>
void forElements(const ProgramParameter &parameter, Body body) {
  for (int64_t row = 0; row < parameter.rows; ++row)
    for (int64_t column = 0; column < parameter.columns; ++column)
      body(parameter.place(row, column), row * parameter.columns + column);
}

} // namespace

void CompiledTraining::toRows(size_t i, std::span<const float> own, std::span<float> rows) const {
  forElements(program_.manifest.parameters[i],
              [&](int64_t from, int64_t to) { rows[to] = own[from]; });
}

void CompiledTraining::fromRows(size_t i, std::span<const float> rows, std::span<float> own) const {
  std::ranges::fill(own, 0.0f);
  forElements(program_.manifest.parameters[i],
              [&](int64_t to, int64_t from) { own[to] = rows[from]; });
}

void CompiledTraining::copyRow(size_t i, std::span<const float> own, int64_t row,
                               std::span<float> out) const {
  const ProgramParameter &parameter = program_.manifest.parameters[i];
  for (int64_t column = 0; column < parameter.columns; ++column)
    out[column] = own[parameter.place(row, column)];
}

absl::Status CompiledTraining::check(std::span<const int32_t> inputs,
                                     std::span<const int32_t> targets) const {
  const ProgramManifest &manifest = program_.manifest;
  if (inputs.size() != targets.size() || inputs.empty() || inputs.size() % sequence_ != 0 ||
      int64_t(inputs.size()) > manifest.maxRows)
    return absl::InvalidArgumentError(absl::StrCat(
        inputs.size(), " tokens with ", targets.size(), " targets are no batch of up to ",
        manifest.maxRows / sequence_, " sequences of ", sequence_));
  auto unknown = [&](std::span<const int32_t> tokens, int32_t least) {
    for (int32_t token : tokens)
      if (token < least || token >= manifest.vocabulary)
        return absl::InvalidArgumentError(
            absl::StrCat("token id ", token, " is not in the vocabulary of ", manifest.vocabulary));
    return absl::OkStatus();
  };
  if (absl::Status status = unknown(inputs, 0); !status.ok())
    return status;
  return unknown(targets, -1);
}

std::span<const float> CompiledTraining::run(StepFunction function,
                                             std::span<const int64_t> arguments, int64_t rows) {
  StepContext context = {};
  context.weights = program_.weights.data();
  context.parameters = addresses_.data();
  context.arena = arena_->data();
  context.scratch = scratch_->data();
  context.arguments = arguments.data();
  context.team = &team_;
  context.progress = &layersDone_;
  context.rows = rows;
  team_.run([&](unsigned thread, unsigned threads) { function(&context, thread, threads); });
  const auto *losses = reinterpret_cast<const float *>(lossRows_->data());
  losses_.clear();
  for (int64_t row = 0; row < rows; ++row)
    losses_.push_back(losses[row * kRow]);
  return losses_;
}

absl::StatusOr<std::span<const float>> CompiledTraining::losses(std::span<const int32_t> inputs,
                                                                std::span<const int32_t> targets,
                                                                int64_t seed) {
  if (absl::Status status = check(inputs, targets); !status.ok())
    return status;
  const int64_t arguments[] = {reinterpret_cast<int64_t>(inputs.data()),
                               reinterpret_cast<int64_t>(targets.data()), seed,
                               reinterpret_cast<int64_t>(lossRows_->data())};
  return run(program_.loss, arguments, static_cast<int64_t>(inputs.size()));
}

absl::StatusOr<std::span<const float>>
CompiledTraining::addGradients(std::span<const int32_t> inputs, std::span<const int32_t> targets,
                               int64_t seed, std::span<const float> weights) {
  if (absl::Status status = check(inputs, targets); !status.ok())
    return status;
  if (!weights.empty() && weights.size() != inputs.size())
    return absl::InvalidArgumentError(
        absl::StrCat(weights.size(), " weights for ", inputs.size(), " tokens"));
  auto *rows = reinterpret_cast<float *>(lossWeights_->data());
  for (size_t row = 0; row < inputs.size(); ++row)
    rows[row * kRow] = weights.empty() ? 1 : weights[row];
  const int64_t arguments[] = {reinterpret_cast<int64_t>(inputs.data()),
                               reinterpret_cast<int64_t>(targets.data()), seed,
                               reinterpret_cast<int64_t>(lossWeights_->data()),
                               reinterpret_cast<int64_t>(lossRows_->data())};
  std::span<const float> losses =
      run(program_.lossGradient, arguments, static_cast<int64_t>(inputs.size()));
  layersDone_.store(kNoLayer, std::memory_order_release);
  return losses;
}

std::vector<TrainingModel::Memory> CompiledTraining::memory() const {
  uint64_t weights = 0;
  for (const ProgramWeight &weight : program_.manifest.weights)
    weights += weight.packed ? weight.bytes() : 0;
  return {{"weights", weights},
          {"parameters", values_->size() + gradients_->size()},
          {"activations", arena_->size()},
          {"scratch", scratch_->size()}};
}

} // namespace llmc

extern "C" void llmc_layer_adjoint_done(void *progress, int64_t layer) {
  if (progress)
    static_cast<std::atomic<int64_t> *>(progress)->store(layer, std::memory_order_release);
}
