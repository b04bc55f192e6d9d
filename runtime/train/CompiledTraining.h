#ifndef LLMC_RUNTIME_TRAIN_COMPILEDTRAINING_H
#define LLMC_RUNTIME_TRAIN_COMPILEDTRAINING_H

#include "runtime/llm/Program.h"
#include "runtime/llm/WeightStore.h"
#include "runtime/train/TrainingModel.h"

#include <atomic>
#include <memory>

namespace llmc {

/// A compiled program for training, its parameters and the memory of its steps.
class CompiledTraining : public TrainingModel {
public:
  /// A program with `loss` and `lossGradient`, whose rows are sequences of `sequence` tokens.
  /// `team` lives at least as long. ResourceExhausted where there is not the memory.
  static absl::StatusOr<std::unique_ptr<CompiledTraining>> create(Program program, int64_t sequence,
                                                                  ThreadTeam &team);

  std::span<const Parameter> parameters() const override { return parameters_; }
  std::vector<TrainedTensor> tensors() override;
  void toRows(size_t i, std::span<const float> own, std::span<float> rows) const override;
  void fromRows(size_t i, std::span<const float> rows, std::span<float> own) const override;
  void copyRow(size_t i, std::span<const float> own, int64_t row,
               std::span<float> out) const override;
  absl::StatusOr<std::span<const float>>
  losses(std::span<const int32_t> inputs, std::span<const int32_t> targets, int64_t seed) override;
  absl::StatusOr<std::span<const float>> addGradients(std::span<const int32_t> inputs,
                                                      std::span<const int32_t> targets,
                                                      int64_t seed,
                                                      std::span<const float> weights) override;
  int64_t layersDone() const override { return layersDone_.load(std::memory_order_acquire); }
  std::vector<Memory> memory() const override;

private:
  CompiledTraining(Program program, int64_t sequence, ThreadTeam &team)
      : program_(std::move(program)), sequence_(sequence), team_(team) {}

  absl::Status allocate();
  absl::Status check(std::span<const int32_t> inputs, std::span<const int32_t> targets) const;
  std::span<const float> run(StepFunction function, std::span<const int64_t> arguments,
                             int64_t rows);

  Program program_;
  int64_t sequence_;
  ThreadTeam &team_;
  std::vector<Parameter> parameters_;
  std::shared_ptr<PageMemory> values_, gradients_, arena_, scratch_;
  std::shared_ptr<PageMemory> lossWeights_, lossRows_; // rows of one number, padded to 16
  std::vector<float *> addresses_; // of each parameter: its values, its gradient
  std::vector<float> losses_;
  std::atomic<int64_t> layersDone_{kNoLayer};
};

} // namespace llmc

#endif // LLMC_RUNTIME_TRAIN_COMPILEDTRAINING_H
