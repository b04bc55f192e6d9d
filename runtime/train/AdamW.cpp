#include "runtime/train/AdamW.h"

#include <algorithm>
#include <cmath>

namespace llmc {
namespace {

constexpr uint64_t kChunk = 1 << 14;

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

struct Factors {
  float beta1, beta2, oneMinusBeta1, oneMinusBeta2, epsilon;
  float gradient;     ///< scale and clipping
  float keep;         ///< 1 - learning rate * decay
  float step;         ///< learning rate / (1 - beta1^t)
  float rootOfSecond; ///< 1 / sqrt(1 - beta2^t)
};

void update(const Factors &f, uint64_t count, float *__restrict values, float *__restrict gradient,
            float *__restrict first, float *__restrict second) {
  for (uint64_t i = 0; i < count; ++i) {
    const float g = gradient[i] * f.gradient;
    const float m = first[i] * f.beta1 + g * f.oneMinusBeta1;
    const float v = second[i] * f.beta2 + g * g * f.oneMinusBeta2;
    first[i] = m;
    second[i] = v;
    gradient[i] = 0;
    values[i] = values[i] * f.keep - f.step * m / (std::sqrt(v) * f.rootOfSecond + f.epsilon);
  }
}

} // namespace

AdamW::AdamW(std::vector<TrainedTensor> tensors, const AdamOptions &options)
    : tensors_(std::move(tensors)), options_(options), moments_(tensors_.size()) {
  for (size_t i = 0; i < tensors_.size(); ++i) {
    const uint64_t count = tensors_[i].values.size();
    moments_[i] = {std::vector<float>(count), std::vector<float>(count)};
    for (uint64_t begin = 0; begin < count; begin += kChunk)
      chunks_.push_back({i, begin, std::min(kChunk, count - begin)});
  }
  sums_.resize(chunks_.size());
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
  Factors f;
  f.beta1 = static_cast<float>(options_.beta1);
  f.beta2 = static_cast<float>(options_.beta2);
  f.oneMinusBeta1 = static_cast<float>(1 - options_.beta1);
  f.oneMinusBeta2 = static_cast<float>(1 - options_.beta2);
  f.epsilon = static_cast<float>(options_.epsilon);
  f.gradient = static_cast<float>(gradientScale * clip);
  f.step = static_cast<float>(learningRate / (1 - std::pow(options_.beta1, t)));
  f.rootOfSecond = static_cast<float>(1 / std::sqrt(1 - std::pow(options_.beta2, t)));
  team.run([&](unsigned thread, unsigned threads) {
    for (size_t c = chunks_.size() * thread / threads; c < chunks_.size() * (thread + 1) / threads;
         ++c) {
      const auto [tensor, begin, size] = chunks_[c];
      Factors mine = f;
      mine.keep = tensors_[tensor].shape.size() >= 2
                      ? static_cast<float>(1 - learningRate * options_.weightDecay)
                      : 1.0f;
      update(mine, size, tensors_[tensor].values.data() + begin,
             tensors_[tensor].gradient.data() + begin, moments_[tensor].first.data() + begin,
             moments_[tensor].second.data() + begin);
    }
  });
  return result;
}

} // namespace llmc
