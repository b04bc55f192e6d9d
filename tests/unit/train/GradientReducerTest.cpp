// Gradients are summed in the order in which they become complete, each once.
#include "runtime/train/GradientReducer.h"
#include <chrono>
#include <gtest/gtest.h>
#include <numeric>
#include <thread>

namespace llmc {
namespace {

// Parameters of one number each times `width`, whose gradients become complete as a test says.
class FakeModel : public TrainingModel {
public:
  FakeModel(std::vector<std::string> names, size_t width) : names_(std::move(names)) {
    for (size_t i = 0; i < names_.size(); ++i) {
      memory_.emplace_back(width);
      std::iota(memory_.back().begin(), memory_.back().end(), float(100 * i + 1));
    }
  }

  std::span<const Parameter> parameters() const override { return {}; }
  std::vector<TrainedTensor> tensors() override {
    std::vector<TrainedTensor> tensors;
    for (size_t i = 0; i < names_.size(); ++i)
      tensors.push_back({names_[i], {memory_[i].size()}, memory_[i], memory_[i]});
    return tensors;
  }
  void toRows(size_t, std::span<const float>, std::span<float>) const override {}
  void fromRows(size_t, std::span<const float>, std::span<float>) const override {}
  void copyRow(size_t, std::span<const float>, int64_t, std::span<float>) const override {}
  absl::StatusOr<std::span<const float>> losses(std::span<const int32_t>, std::span<const int32_t>,
                                                int64_t) override {
    return std::span<const float>();
  }
  absl::StatusOr<std::span<const float>> addGradients(std::span<const int32_t>,
                                                      std::span<const int32_t>, int64_t,
                                                      std::span<const float>) override {
    return std::span<const float>();
  }
  std::vector<Memory> memory() const override { return {}; }
  int64_t layersDone() const override { return done.load(); }

  std::atomic<int64_t> done = kNoLayer;
  std::vector<std::string> names_;
  std::vector<std::vector<float>> memory_;
};

// Two processes with the same numbers; `failAt` numbers its sums from 1.
class Twins : public Communicator {
public:
  int size() const override { return 2; }
  absl::Status begin(std::span<float> values) override { return twice(values); }
  absl::Status begin(std::span<double> values) override { return twice(values); }

  template <class T>
  absl::Status twice(std::span<T> values) {
    if (++begun == failAt)
      return absl::UnavailableError("lost");
    firsts.push_back(values.empty() ? 0 : double(values.front()));
    for (T &value : values)
      value *= 2;
    return absl::OkStatus();
  }

  std::atomic<int> begun = 0;
  int failAt = 0;
  std::vector<double> firsts; // of each sum, the first number before it
};

constexpr size_t kLarge = 1 << 18; // a bucket

bool becomes(const std::atomic<int> &count, int want) {
  for (int i = 0; i < 2000 && count != want; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return count == want;
}

TEST(GradientReducer, FollowsTheLayersDown) {
  FakeModel model({"token_embd.weight", "blk.0.a", "blk.10.a", "blk.9.a", "output.weight"}, kLarge);
  Twins twins;
  GradientReducer reducer(model, twins);
  reducer.start();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(twins.begun, 0);
  model.done = 10;
  EXPECT_TRUE(becomes(twins.begun, 2));
  model.done = 9;
  EXPECT_TRUE(becomes(twins.begun, 3));
  model.done = 0;
  EXPECT_TRUE(becomes(twins.begun, 4));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(twins.begun, 4);
  double scalars[] = {7};
  ASSERT_TRUE(reducer.finish(scalars).ok());
  EXPECT_EQ(scalars[0], 14);
  EXPECT_EQ(twins.firsts, (std::vector<double>{401, 201, 301, 101, 1, 7}));
}

TEST(GradientReducer, SumsEachNumberOnce) {
  for (size_t width : {size_t(3), size_t(1000), kLarge - 1, kLarge + 5, 3 * kLarge}) {
    FakeModel model({"blk.0.a", "blk.1.a", "blk.0.b", "output_norm.weight", "blk.1.b"}, width);
    const auto before = model.memory_;
    Twins twins;
    GradientReducer reducer(model, twins);
    EXPECT_EQ(reducer.bytes(), 5 * width * sizeof(float));
    for (int step = 1; step <= 2; ++step) {
      reducer.start();
      double scalars[] = {1, 2};
      ASSERT_TRUE(reducer.finish(scalars).ok());
      EXPECT_EQ(scalars[1], 4);
    }
    for (size_t i = 0; i < before.size(); ++i)
      for (size_t k = 0; k < width; ++k)
        ASSERT_EQ(model.memory_[i][k], 4 * before[i][k]) << width;
  }
}

TEST(GradientReducer, TellsOfErrors) {
  FakeModel model({"blk.0.a", "blk.1.a"}, kLarge);
  Twins twins;
  twins.failAt = 2;
  GradientReducer reducer(model, twins);
  reducer.start();
  double scalars[] = {1};
  EXPECT_EQ(reducer.finish(scalars).message(), "lost");
}

// What others have, seen from one of two processes.
TEST(Communicator, AgreesOnlyIfAllDo) {
  Communicator alone;
  Twins twins;
  EXPECT_TRUE(agree(twins, absl::OkStatus()).ok());
  EXPECT_TRUE(checkSame(twins, 0xffffffffffffffff, "x").ok());
  EXPECT_EQ(agree(twins, absl::DataLossError("x")).message(), "x");
  EXPECT_EQ(agree(alone, absl::DataLossError("x")).message(), "x");
  class Other : public Twins {
    absl::Status begin(std::span<double> values) override {
      values.front() += 1;
      return absl::OkStatus();
    }
  } other;
  EXPECT_TRUE(absl::IsUnavailable(agree(other, absl::OkStatus())));
  EXPECT_EQ(checkSame(other, 5, "x").message(), "x");
}

} // namespace
} // namespace llmc
