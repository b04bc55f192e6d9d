#include "runtime/train/GradientReducer.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"

#include <algorithm>
#include <chrono>
#include <system_error>

namespace llmc {
namespace {

using Clock = std::chrono::steady_clock;

/// Of a bucket: large enough that latency does not matter, small enough that the first is soon
/// under way, and that little is left when the last is complete.
constexpr size_t kLeastFloats = 1 << 13, kMostFloats = 1 << 18;
constexpr size_t kBuckets = 8;
constexpr std::chrono::microseconds kPause{50};

constexpr int64_t kBehindLayers = TrainingModel::kNoLayer - 1; ///< complete with the first layer
constexpr int64_t kInTheEnd = -1;

/// Of a parameter by its name, as GGUF has them. What is shared with the embedding is named so.
int64_t layerOf(absl::string_view name) {
  int64_t layer;
  if (absl::ConsumePrefix(&name, "blk."))
    return absl::SimpleAtoi(name.substr(0, name.find('.')), &layer) ? layer : kInTheEnd;
  return absl::StartsWith(name, "output") ? kBehindLayers : kInTheEnd;
}

double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

} // namespace

GradientReducer::GradientReducer(TrainingModel &model, Communicator &communicator)
    : model_(model), communicator_(communicator) {
  struct Part {
    int64_t layer;
    std::span<float> gradient;
  };
  std::vector<Part> parts;
  size_t total = 0;
  for (const TrainedTensor &tensor : model.tensors()) {
    const std::span<float> all = tensor.gradient;
    total += all.size();
    for (size_t begin = 0; begin < all.size(); begin += kMostFloats)
      parts.push_back(
          {layerOf(tensor.name), all.subspan(begin, std::min(kMostFloats, all.size() - begin))});
  }
  const size_t enough = std::clamp(total / kBuckets, kLeastFloats, kMostFloats);
  std::ranges::stable_sort(parts, std::greater(), &Part::layer);
  for (const Part &part : parts) {
    if (buckets_.empty() || buckets_.back().floats >= enough ||
        buckets_.back().floats + part.gradient.size() > kMostFloats)
      buckets_.emplace_back();
    Bucket &bucket = buckets_.back();
    bucket.layer = part.layer;
    bucket.pieces.push_back(part.gradient);
    bucket.floats += part.gradient.size();
  }
  for (Bucket &bucket : buckets_)
    if (bucket.pieces.size() > 1)
      bucket.together.resize(bucket.floats);
}

GradientReducer::~GradientReducer() {
  if (thread_)
    finish({}).IgnoreError();
}

uint64_t GradientReducer::bytes() const {
  uint64_t floats = 0;
  for (const Bucket &bucket : buckets_)
    floats += bucket.floats;
  return floats * sizeof(float);
}

void GradientReducer::start() {
  computed_ = false;
  try {
    thread_.emplace([this] { status_ = reduceAll(); });
  } catch (const std::system_error &) {
    // Without a thread nothing is hidden.
  }
}

absl::Status GradientReducer::finish(std::span<double> scalars) {
  const Clock::time_point start = Clock::now();
  scalars_ = scalars;
  computed_.store(true, std::memory_order_release);
  if (thread_) {
    thread_->join();
    thread_.reset();
  } else {
    status_ = reduceAll();
  }
  exposedSeconds_ += secondsSince(start);
  return status_;
}

absl::Status GradientReducer::reduceAll() {
  Clock::time_point busySince;
  bool busy = false;
  const auto now = [&](bool isBusy) {
    if (isBusy && !busy)
      busySince = Clock::now();
    if (busy && !isBusy)
      seconds_ += secondsSince(busySince);
    busy = isBusy;
  };
  const auto awaitComputed = [&](int64_t layer) {
    while (model_.layersDone() > layer && !computed_.load(std::memory_order_acquire)) {
      absl::StatusOr<bool> done = communicator_.poll();
      if (!done.ok())
        return done.status();
      now(!*done);
      std::this_thread::sleep_for(kPause);
    }
    return absl::OkStatus();
  };
  for (Bucket &bucket : buckets_) {
    if (absl::Status status = awaitComputed(bucket.layer); !status.ok())
      return status;
    now(true);
    std::span<float> sum = bucket.pieces.front();
    if (bucket.pieces.size() > 1) {
      auto to = bucket.together.begin();
      for (std::span<float> piece : bucket.pieces)
        to = std::ranges::copy(piece, to).out;
      sum = bucket.together;
    }
    if (absl::Status status = communicator_.begin(sum); !status.ok())
      return status;
  }
  absl::Status status = awaitComputed(kInTheEnd);
  now(true);
  if (status.ok())
    status = communicator_.begin(scalars_);
  if (status.ok())
    status = communicator_.wait();
  if (!status.ok())
    return status;
  for (Bucket &bucket : buckets_) {
    if (bucket.together.empty())
      continue;
    auto from = bucket.together.begin();
    for (std::span<float> piece : bucket.pieces) {
      std::copy(from, from + piece.size(), piece.begin());
      from += piece.size();
    }
  }
  now(false);
  return absl::OkStatus();
}

} // namespace llmc
