#ifndef LLMC_RUNTIME_TRAIN_TRAININGMODEL_H
#define LLMC_RUNTIME_TRAIN_TRAININGMODEL_H

#include "absl/status/statusor.h"
#include "runtime/train/AdamW.h"

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace llmc {

/// A model of which a part is trained, an adapter or its own weights: what a trainer needs to know
/// of it. Compiled programs are one kind; a test may have another.
class TrainingModel {
public:
  /// What is trained, as files have it: of an adapter "blk.0.attn_q.weight.lora_a", of the model
  /// itself "blk.0.attn_q.weight". A vector has one row.
  struct Parameter {
    std::string name;
    int64_t rows, columns;
    std::string source = {}; ///< the tensor that it is, or is a part of
    int64_t firstRow = 0;    ///< of that; of a vector its first element
  };

  virtual ~TrainingModel() = default;

  virtual std::span<const Parameter> parameters() const = 0;

  /// What the optimizer changes, in the order of parameters(). The model may keep a matrix in an
  /// order of its own, which the optimizer need not know; `shape` is that in memory. The memory
  /// belongs to the model. Values and gradients are zero at first.
  virtual std::vector<TrainedTensor> tensors() = 0;

  /// Between the model's own order of parameter `i` and row order, which files have: for values,
  /// gradients and moments alike. `own` has as many elements as the tensor, which may be padded,
  /// `rows` has rows * columns.
  virtual void toRows(size_t i, std::span<const float> own, std::span<float> rows) const = 0;
  virtual void fromRows(size_t i, std::span<const float> rows, std::span<float> own) const = 0;
  /// One row of toRows().
  virtual void copyRow(size_t i, std::span<const float> own, int64_t row,
                       std::span<float> out) const = 0;

  /// The loss of each row of a batch, in nats: whole sequences of inputs one after the other, and
  /// for each the token to be predicted, -1 where none is; the loss there is 0. `seed` chooses what
  /// dropout leaves out and what noise adds; negative: nothing. Valid until the next call.
  /// InvalidArgument for an id that is not in the vocabulary or rows that are no whole sequences,
  /// or more than the model was compiled for.
  virtual absl::StatusOr<std::span<const float>>
  losses(std::span<const int32_t> inputs, std::span<const int32_t> targets, int64_t seed) = 0;

  /// The same, and adds the derivatives of the sum of the losses, each times its weight, to the
  /// gradients. No weights are weights of 1, else there is one for each row; what is returned has
  /// none.
  virtual absl::StatusOr<std::span<const float>> addGradients(std::span<const int32_t> inputs,
                                                              std::span<const int32_t> targets,
                                                              int64_t seed,
                                                              std::span<const float> weights) = 0;

  /// While addGradients() runs: gradients of layers from this one on, and of what lies behind the
  /// layers, are complete. Another thread may look. kNoLayer: of none, or nobody knows.
  static constexpr int64_t kNoLayer = std::numeric_limits<int64_t>::max();
  virtual int64_t layersDone() const { return kNoLayer; }

  /// Bytes of memory beside the mapped model file, by what they are for: "weights" (packed),
  /// "parameters", "activations", "scratch".
  struct Memory {
    std::string part;
    uint64_t bytes;
  };
  virtual std::vector<Memory> memory() const = 0;
};

} // namespace llmc

#endif // LLMC_RUNTIME_TRAIN_TRAININGMODEL_H
