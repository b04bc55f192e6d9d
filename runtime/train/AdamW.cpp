#include "runtime/train/AdamW.h"

#include "runtime/train/AdamKernels.h"
#include "runtime/train/MomentCode.h"

#include <algorithm>
#include <cmath>

namespace llmc {
namespace {

constexpr uint64_t kChunk = 1 << 14;
static_assert(kChunk % kMomentBlock == 0);

/// Sums in a fixed number of lanes, so that the compiler may use vectors and the order is the same
/// everywhere.
double sumOfSquares(const float *values, uint64_t count) {
  constexpr int kLanes = 8;
  double lanes[kLanes] = {};
  uint64_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    for (int lane = 0; lane < kLanes; ++lane)
      lanes[lane] += double(values[i + lane]) * values[i + lane];
  double sum = 0;
  for (; i < count; ++i)
    sum += double(values[i]) * values[i];
  for (double lane : lanes)
    sum += lane;
  return sum;
}

AdamW::Moment makeMoment(uint64_t count, bool blocked) {
  if (!blocked)
    return {.values = std::vector<float>(count)};
  return {.codes = std::vector<uint8_t>(count),
          .scales = std::vector<float>((count + kMomentBlock - 1) / kMomentBlock)};
}

} // namespace

AdamW::AdamW(std::vector<TrainedTensor> tensors, const AdamOptions &options)
    : tensors_(std::move(tensors)), options_(options), moments_(tensors_.size()) {
  for (size_t i = 0; i < tensors_.size(); ++i) {
    const uint64_t count = tensors_[i].values.size();
    const bool blocked = options.moments == MomentFormat::Blocks8 && !tensors_[i].f32Moments &&
                         count >= kMinBlockedElements;
    moments_[i] = {makeMoment(count, blocked), makeMoment(count, blocked)};
    for (uint64_t begin = 0; begin < count; begin += kChunk)
      chunks_.push_back({i, begin, std::min(kChunk, count - begin)});
  }
  sums_.resize(chunks_.size());
}

uint64_t AdamW::momentBytes() const {
  uint64_t bytes = 0;
  for (const Moments &moments : moments_)
    for (const Moment *moment : {&moments.first, &moments.second})
      bytes +=
          sizeof(float) * (moment->values.size() + moment->scales.size()) + moment->codes.size();
  return bytes;
}

double AdamW::squaredNorm(ThreadTeam &team) {
  team.run([&](unsigned thread, unsigned threads) {
    for (size_t c = chunks_.size() * thread / threads; c < chunks_.size() * (thread + 1) / threads;
         ++c)
      sums_[c] = sumOfSquares(tensors_[chunks_[c].tensor].gradient.data() + chunks_[c].begin,
                              chunks_[c].size);
  });
  double sum = 0;
  for (double part : sums_)
    sum += part;
  return sum;
}

AdamStep AdamW::step(double learningRate, double gradientScale, ThreadTeam &team) {
  AdamStep result;
  result.gradientNorm = std::sqrt(squaredNorm(team)) * std::abs(gradientScale);
  if (!std::isfinite(result.gradientNorm)) {
    for (TrainedTensor &tensor : tensors_)
      std::ranges::fill(tensor.gradient, 0.0f);
    return result;
  }
  result.applied = true;
  ++steps_;

  // The small number is PyTorch's (clip_grad_norm_).
  const double clip =
      options_.maxNorm > 0 ? std::min(1.0, options_.maxNorm / (result.gradientNorm + 1e-6)) : 1.0;
  const auto t = static_cast<double>(steps_);
  const double correction1 = 1 - std::pow(options_.beta1, t);
  const AdamKernels &kernels = *adamKernels().back();
  AdamFactors f;
  f.beta1 = static_cast<float>(options_.beta1);
  f.beta2 = static_cast<float>(options_.beta2);
  f.oneMinusBeta1 = static_cast<float>(1 - options_.beta1);
  f.oneMinusBeta2 = static_cast<float>(1 - options_.beta2);
  f.epsilon = static_cast<float>(options_.epsilon);
  f.gradient = static_cast<float>(gradientScale * clip);
  f.rootOfSecond = static_cast<float>(1 / std::sqrt(1 - std::pow(options_.beta2, t)));
  team.run([&](unsigned thread, unsigned threads) {
    for (size_t c = chunks_.size() * thread / threads; c < chunks_.size() * (thread + 1) / threads;
         ++c) {
      const Chunk &chunk = chunks_[c];
      const TrainedTensor &tensor = tensors_[chunk.tensor];
      const double rate = learningRate * tensor.learningRateFactor;
      AdamFactors mine = f;
      mine.step = static_cast<float>(rate / correction1);
      mine.keep =
          tensor.shape.size() >= 2 ? static_cast<float>(1 - rate * options_.weightDecay) : 1.0f;
      float *values = tensor.values.data() + chunk.begin;
      float *gradient = tensor.gradient.data() + chunk.begin;
      auto &[first, second] = moments_[chunk.tensor];
      if (!isBlocked(chunk.tensor)) {
        kernels.updateFloats(mine, chunk.size, values, gradient, first.values.data() + chunk.begin,
                             second.values.data() + chunk.begin);
        continue;
      }
      const uint64_t block = chunk.begin / kMomentBlock;
      kernels.updateBlocks(mine, chunk.size, values, gradient,
                           {first.codes.data() + chunk.begin, second.codes.data() + chunk.begin,
                            first.scales.data() + block, second.scales.data() + block});
    }
  });
  return result;
}

} // namespace llmc
