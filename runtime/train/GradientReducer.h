#ifndef LLMC_RUNTIME_TRAIN_GRADIENTREDUCER_H
#define LLMC_RUNTIME_TRAIN_GRADIENTREDUCER_H

#include "absl/status/status.h"
#include "runtime/train/Communicator.h"
#include "runtime/train/TrainingModel.h"

#include <atomic>
#include <optional>
#include <span>
#include <thread>
#include <vector>

namespace llmc {

/// Sums gradients over all processes while the backward pass still computes those of the layers
/// below. Gradients go in buckets of up to a megabyte, in the order in which they become complete:
/// those behind the layers, layers from the last to the first, the rest.
class GradientReducer {
public:
  /// All live at least as long. `model` tells how far it is (layersDone()).
  GradientReducer(TrainingModel &model, Communicator &communicator);
  ~GradientReducer();

  /// Before the addGradients() that completes the gradients. A thread of its own follows it, and
  /// alone calls the communicator until finish() has returned.
  void start();
  /// After it: waits until gradients, and `scalars`, are sums over all processes.
  absl::Status finish(std::span<double> scalars);

  /// Seconds in which sums were under way, and those of them that finish() waited.
  double seconds() const { return seconds_; }
  double exposedSeconds() const { return exposedSeconds_; }
  /// That a step sums.
  uint64_t bytes() const;

private:
  /// A bucket of one piece is summed in place, others in memory of their own.
  struct Bucket {
    int64_t layer; ///< complete when layersDone() is at most this, or in the end
    std::vector<std::span<float>> pieces;
    std::vector<float> together;
    size_t floats = 0;
  };

  absl::Status reduceAll();

  TrainingModel &model_;
  Communicator &communicator_;
  std::vector<Bucket> buckets_;
  std::optional<std::thread> thread_;
  std::atomic<bool> computed_ = false;
  std::span<double> scalars_;
  absl::Status status_;
  double seconds_ = 0, exposedSeconds_ = 0;
};

} // namespace llmc

#endif // LLMC_RUNTIME_TRAIN_GRADIENTREDUCER_H
