#ifndef LLMC_RUNTIME_TRAIN_ADAMW_H
#define LLMC_RUNTIME_TRAIN_ADAMW_H

#include "runtime/core/ThreadTeam.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace llmc {

/// A named f32 tensor that is trained. Values and gradient belong to the caller and stay where they
/// are, both in the same order.
struct TrainedTensor {
  std::string name;
  std::vector<uint64_t> shape; ///< the slowest extent first
  std::span<float> values;
  std::span<float> gradient;     ///< as many as `values`
  double learningRateFactor = 1; ///< its learning rate, decay included, is so many times a step's
  bool f32Moments = false;       ///< its moments are f32 with any MomentFormat
};

/// How moments are kept. Blocks8 is a byte for each and a scale for each kMomentBlock of them
/// (MomentCode.h); tensors of fewer than kMinBlockedElements elements have f32 moments then, too.
enum class MomentFormat { F32, Blocks8 };
constexpr uint64_t kMinBlockedElements = 4096;

struct AdamOptions {
  double beta1 = 0.9, beta2 = 0.999; ///< in [0, 1)
  double epsilon = 1e-8;
  double weightDecay = 0; ///< of tensors with two or more extents only
  double maxNorm = 0;     ///< gradients of a larger norm are scaled down to it; 0: never
  MomentFormat moments = MomentFormat::F32;
};

struct AdamStep {
  double gradientNorm = 0; ///< Euclidean, over all tensors, scaled but not yet clipped
  bool applied = false;    ///< false when the norm is not finite: then nothing has changed
};

/// AdamW (Loshchilov and Hutter 2019, algorithm 2 with decoupled decay; bias correction as in
/// Kingma and Ba 2015), with PyTorch's arithmetic. Results depend neither on the number of threads
/// nor on the CPU.
class AdamW {
public:
  AdamW(std::vector<TrainedTensor> tensors, const AdamOptions &options);

  /// One step with gradients times `gradientScale` (1 / tokens, where gradients are of a sum over
  /// tokens). Afterwards the gradients are 0, also when the step was not applied.
  AdamStep step(double learningRate, double gradientScale, ThreadTeam &team);

  /// Steps that were applied.
  int64_t steps() const { return steps_; }
  /// For a resumed run, with the moments.
  void setSteps(int64_t steps) { steps_ = steps; }

  std::span<const TrainedTensor> tensors() const { return tensors_; }

  /// One moment of a tensor, in the order of its values: `values`, or else `codes` and `scales`.
  struct Moment {
    std::vector<float> values = {};
    std::vector<uint8_t> codes = {};
    std::vector<float> scales = {}; ///< finite, not negative
  };
  /// Whether the moments of tensors()[i] are codes.
  bool isBlocked(size_t i) const { return !moments_[i].first.codes.empty(); }
  Moment &firstMoment(size_t i) { return moments_[i].first; }
  Moment &secondMoment(size_t i) { return moments_[i].second; }
  /// Of all moments.
  uint64_t momentBytes() const;

private:
  struct Moments {
    Moment first, second;
  };
  /// A part of a tensor that one thread works on.
  struct Chunk {
    size_t tensor;
    uint64_t begin, size;
  };

  double squaredNorm(ThreadTeam &team);

  std::vector<TrainedTensor> tensors_;
  AdamOptions options_;
  std::vector<Moments> moments_;
  std::vector<Chunk> chunks_;
  std::vector<double> sums_; ///< one for each chunk, added up in order
  int64_t steps_ = 0;
};

} // namespace llmc

#endif // LLMC_RUNTIME_TRAIN_ADAMW_H
