#include "runtime/train/AdamKernels.h"
#include "runtime/train/AdamW.h"
#include "runtime/train/EarlyStopping.h"
#include "runtime/train/Permutation.h"
#include "runtime/train/Schedule.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <set>

namespace llmc {
namespace {

using ::testing::HasSubstr;

struct Model {
  std::vector<float> matrix, vector, matrixGradient, vectorGradient;

  explicit Model(size_t rows = 3, size_t columns = 2, uint64_t seed = 1)
      : matrix(rows * columns), vector(columns), matrixGradient(matrix.size()),
        vectorGradient(vector.size()), rows(rows), columns(columns) {
    Random random(seed);
    for (float &value : matrix)
      value = static_cast<float>(random.normal());
    for (float &value : vector)
      value = static_cast<float>(random.normal());
  }
  void fillGradients(uint64_t seed) {
    Random random(seed);
    for (float &value : matrixGradient)
      value = static_cast<float>(random.normal());
    for (float &value : vectorGradient)
      value = static_cast<float>(random.normal());
  }
  std::vector<TrainedTensor> tensors() {
    return {{"matrix", {rows, columns}, matrix, matrixGradient},
            {"vector", {columns}, vector, vectorGradient}};
  }
  size_t rows, columns;
};

TEST(AdamW, TheFirstStepGoesByTheLearningRate) {
  // m / sqrt(v) is the sign of the gradient, because both are corrected for their start at 0.
  Model model;
  const std::vector<float> before = model.matrix;
  AdamW adam(model.tensors(), {});
  model.fillGradients(2);
  const std::vector<float> gradient = model.matrixGradient;
  ThreadTeam team(1);
  const AdamStep step = adam.step(0.01, 1, team);
  EXPECT_TRUE(step.applied);
  EXPECT_EQ(adam.steps(), 1);
  for (size_t i = 0; i < before.size(); ++i)
    EXPECT_NEAR(model.matrix[i], before[i] - std::copysign(0.01, gradient[i]), 1e-6);
  EXPECT_THAT(model.matrixGradient, ::testing::Each(0.0f));
}

TEST(AdamW, OnlyMatricesDecay) {
  Model model;
  const std::vector<float> matrix = model.matrix, vector = model.vector;
  AdamW adam(model.tensors(), {.weightDecay = 0.5});
  ThreadTeam team(1);
  adam.step(0.1, 1, team); // gradients are 0
  for (size_t i = 0; i < matrix.size(); ++i)
    EXPECT_FLOAT_EQ(model.matrix[i], matrix[i] * 0.95f);
  EXPECT_EQ(model.vector, vector);
}

TEST(AdamW, TheNormIsOfAllTensorsAndClips) {
  Model model(1, 2);
  AdamW adam(model.tensors(), {.beta1 = 0, .maxNorm = 0.5});
  model.matrixGradient = {3, 0};
  model.vectorGradient = {0, 4};
  ThreadTeam team(1);
  const AdamStep step = adam.step(0.1, 0.5, team);
  EXPECT_DOUBLE_EQ(step.gradientNorm, 2.5);
  // The gradient that was used: 3 * 0.5 * 0.5 / 2.5.
  EXPECT_NEAR(adam.firstMoment(0).values[0], 0.3, 1e-6);
  EXPECT_NEAR(adam.firstMoment(1).values[1], 0.4, 1e-6);
}

TEST(AdamW, AGradientThatIsNotFiniteChangesNothing) {
  for (float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    Model model;
    const std::vector<float> before = model.matrix;
    AdamW adam(model.tensors(), {.maxNorm = 1});
    model.fillGradients(3);
    model.vectorGradient[1] = bad;
    ThreadTeam team(1);
    EXPECT_FALSE(adam.step(0.1, 1, team).applied);
    EXPECT_EQ(model.matrix, before);
    EXPECT_EQ(adam.steps(), 0);
    EXPECT_THAT(model.vectorGradient, ::testing::Each(0.0f));
    EXPECT_EQ(adam.firstMoment(0).values[0], 0);
  }
}

TEST(AdamW, ThreadsDoNotChangeABit) {
  std::vector<std::vector<float>> results;
  for (unsigned threads : {1u, 2u, 3u}) {
    Model model(301, 173);
    AdamW adam(model.tensors(), {.weightDecay = 0.1, .maxNorm = 1});
    ThreadTeam team(threads);
    for (int i = 0; i < 5; ++i) {
      model.fillGradients(10 + i);
      adam.step(1e-2, 0.3, team);
    }
    results.push_back(model.matrix);
    results.back().insert(results.back().end(), model.vector.begin(), model.vector.end());
  }
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

TEST(AdamW, BlocksDependOnNeitherThreadsNorCpu) {
  std::vector<std::vector<float>> results;
  for (unsigned threads : {1u, 2u, 3u}) {
    Model model(301, 173);
    AdamW adam(model.tensors(), {.maxNorm = 1, .moments = MomentFormat::Blocks8});
    EXPECT_TRUE(adam.isBlocked(0));
    EXPECT_FALSE(adam.isBlocked(1)) << "a small one";
    EXPECT_EQ(adam.momentBytes(), 2 * (301 * 173 + 4 * ((301 * 173 + 255) / 256) + 4 * 173));
    ThreadTeam team(threads);
    for (int i = 0; i < 5; ++i) {
      model.fillGradients(10 + i);
      adam.step(1e-2, 0.3, team);
    }
    results.push_back(model.matrix);
    results.back().insert(results.back().end(), model.vector.begin(), model.vector.end());
  }
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);

  constexpr size_t kCount = 1000;
  const AdamFactors factors = {.beta1 = 0.9f,
                               .beta2 = 0.99f,
                               .oneMinusBeta1 = 0.1f,
                               .oneMinusBeta2 = 0.01f,
                               .epsilon = 1e-8f,
                               .gradient = 0.7f,
                               .keep = 0.99f,
                               .step = 1e-3f,
                               .rootOfSecond = 1.3f};
  std::vector<std::vector<uint8_t>> bytes;
  for (const AdamKernels *kernels : adamKernels()) {
    Random random(4);
    std::vector<float> values(kCount), gradient(kCount), floats(kCount), squares(kCount);
    std::vector<uint8_t> first(kCount), second(kCount);
    std::vector<float> firstScale(4), secondScale(4);
    for (int step = 0; step < 3; ++step) {
      for (float &g : gradient)
        g = static_cast<float>(random.normal() * std::pow(10, -8 * random.uniform()));
      kernels->updateBlocks(factors, kCount, values.data(), gradient.data(),
                            {first.data(), second.data(), firstScale.data(), secondScale.data()});
      for (float &g : gradient)
        g = static_cast<float>(random.normal());
      kernels->updateFloats(factors, kCount, values.data(), gradient.data(), floats.data(),
                            squares.data());
    }
    bytes.push_back(first);
    for (const auto *part : {&values, &floats, &squares, &firstScale, &secondScale}) {
      const auto *begin = reinterpret_cast<const uint8_t *>(part->data());
      bytes.back().insert(bytes.back().end(), begin, begin + part->size() * sizeof(float));
    }
    bytes.back().insert(bytes.back().end(), second.begin(), second.end());
    EXPECT_EQ(bytes.back(), bytes.front());
  }
}

TEST(AdamW, EmbeddingsAndBMatricesMayBeOtherwise) {
  Model model(100, 100);
  std::vector<TrainedTensor> tensors = model.tensors();
  tensors[0].f32Moments = true;
  tensors[0].learningRateFactor = 4;
  AdamW adam(tensors, {.weightDecay = 0.5, .moments = MomentFormat::Blocks8});
  EXPECT_FALSE(adam.isBlocked(0));
  const std::vector<float> before = model.matrix;
  model.matrixGradient[1] = 7;
  ThreadTeam team(1);
  adam.step(0.01, 1, team);
  EXPECT_FLOAT_EQ(model.matrix[0], before[0] * 0.98f);
  EXPECT_NEAR(model.matrix[1], before[1] * 0.98f - 0.04f, 1e-6);
}

// An element whose second moment is tiny beside its block's must not leap when its gradient is 0.
TEST(AdamW, BlocksOfVeryDifferentElementsStayCalm) {
  constexpr size_t kCount = 4096;
  std::vector<float> values(kCount), gradient(kCount);
  AdamW adam({{"matrix", {64, 64}, values, gradient}}, {.moments = MomentFormat::Blocks8});
  ThreadTeam team(1);
  for (int step = 0; step < 50; ++step) {
    for (size_t i = 0; i < kCount; ++i)
      gradient[i] = i % 2 ? 1.0f : step % 2 ? 0.0f : 1e-5f;
    adam.step(1e-3, 1, team);
  }
  for (float value : values)
    EXPECT_LT(std::abs(value), 0.2f); // 50 whole steps are 0.05
}

TEST(AdamW, BlocksTakeNumbersAtTheirLimits) {
  constexpr size_t kCount = 4096;
  std::vector<float> values(kCount), gradient(kCount);
  AdamW adam({{"matrix", {64, 64}, values, gradient}}, {.moments = MomentFormat::Blocks8});
  ThreadTeam team(1);
  for (float size : {1e30f, 3e38f, 1e-30f, std::numeric_limits<float>::denorm_min(), 0.0f})
    for (int step = 0; step < 3; ++step) {
      for (size_t i = 0; i < kCount; ++i)
        gradient[i] = i % 3 ? size : -size;
      EXPECT_TRUE(adam.step(1e-3, 1, team).applied);
    }
  for (float value : values)
    EXPECT_TRUE(std::isfinite(value));
  for (AdamW::Moment *moment : {&adam.firstMoment(0), &adam.secondMoment(0)})
    for (float scale : moment->scales)
      EXPECT_TRUE(std::isfinite(scale));
}

TEST(Schedule, WarmsUpAndFalls) {
  Schedule schedule{
      .kind = ScheduleKind::Cosine, .learningRate = 2, .warmupSteps = 4, .totalSteps = 12};
  EXPECT_DOUBLE_EQ(schedule.at(0), 0.5);
  EXPECT_DOUBLE_EQ(schedule.at(3), 2);
  EXPECT_DOUBLE_EQ(schedule.at(4), 2);
  EXPECT_DOUBLE_EQ(schedule.at(8), 1);
  EXPECT_GT(schedule.at(11), 0);
  EXPECT_NEAR(schedule.at(12), 0, 1e-12);
  EXPECT_NEAR(schedule.at(100), 0, 1e-12);
  schedule.kind = ScheduleKind::Linear;
  schedule.minRatio = 0.5;
  EXPECT_DOUBLE_EQ(schedule.at(8), 1.5);
  schedule.minLearningRate = 1.75;
  EXPECT_DOUBLE_EQ(schedule.at(8), 1.75);
  EXPECT_DOUBLE_EQ(schedule.at(0), 1.75);
  schedule.kind = ScheduleKind::Constant;
  EXPECT_DOUBLE_EQ(schedule.at(11), 2);
}

TEST(Schedule, RestartsGrow) {
  // Cycles of 1, 2 and 4 parts of 7: 10, 20 and 40 steps.
  const Schedule schedule{.kind = ScheduleKind::CosineWithRestarts,
                          .learningRate = 1,
                          .totalSteps = 70,
                          .cycles = 3,
                          .restartGrowth = 2};
  for (int64_t start : {0, 10, 30})
    EXPECT_NEAR(schedule.at(start), 1, 1e-9) << start;
  for (int64_t middle : {5, 20, 50})
    EXPECT_NEAR(schedule.at(middle), 0.5, 1e-9) << middle;
  EXPECT_LT(schedule.at(9), 0.03);
  EXPECT_LT(schedule.at(29), 0.01);
  const Schedule even{.kind = ScheduleKind::CosineWithRestarts,
                      .learningRate = 1,
                      .totalSteps = 9,
                      .decaySteps = 3};
  for (int64_t start : {0, 3, 6, 300})
    EXPECT_NEAR(even.at(start), 1, 1e-9) << start;
}

TEST(EarlyStopping, CountsLossesWithoutANewBest) {
  EarlyStopping steps({.patience = 2, .delta = 0.1});
  EXPECT_EQ(steps.afterStep(2), "");
  EXPECT_EQ(steps.afterStep(1), "");
  EXPECT_EQ(steps.afterStep(0.95), ""); // no tenth better
  EXPECT_EQ(steps.afterValidation(0.99), "");
  EXPECT_THAT(steps.afterStep(0.96), HasSubstr("no better loss than 1 in 2 steps"));
  EarlyStopping validations({.patience = 1, .delta = 0, .validates = true});
  EXPECT_EQ(validations.afterStep(5), "");
  EXPECT_EQ(validations.afterStep(5), "");
  EXPECT_EQ(validations.afterValidation(2), "");
  EXPECT_THAT(validations.afterValidation(2), HasSubstr("in 1 validations"));
  EarlyStopping off({});
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(off.afterStep(1), "");
}

TEST(EarlyStopping, ComparesWithThePast) {
  EarlyStopping stopping({.past = 2, .delta = 1e-3});
  EXPECT_EQ(stopping.afterStep(3), "");
  EXPECT_EQ(stopping.afterStep(2), "");
  EXPECT_EQ(stopping.afterStep(2.9), "");
  EXPECT_THAT(stopping.afterStep(2.0001), HasSubstr("as it was 2 steps ago"));
}

TEST(EarlyStopping, ARestoredStateDecidesTheSame) {
  const EarlyStoppingOptions options{.patience = 3, .past = 4, .delta = 1e-9};
  EarlyStopping whole(options);
  Random random(4);
  for (int i = 0; i < 50; ++i) {
    EarlyStopping restored(options);
    ASSERT_TRUE(restored.restore(whole.state()).ok());
    const double loss = random.uniform();
    EXPECT_EQ(restored.afterStep(loss), whole.afterStep(loss));
    EXPECT_EQ(restored.state(), whole.state());
  }
  for (const char *bad : {"", "1", "x 0000000000000000", "1 zz"})
    EXPECT_FALSE(whole.restore(bad).ok()) << bad;
}

TEST(Permutation, IsOne) {
  for (uint64_t size : {1, 2, 3, 4, 5, 16, 17, 1000}) {
    std::set<uint64_t> seen;
    const Permutation order(size, 99);
    for (uint64_t i = 0; i < size; ++i)
      EXPECT_TRUE(order(i) < size && seen.insert(order(i)).second) << size << " " << i;
  }
  // Each element comes about as often to each place: of 4000 orders of 8, 500 +- 6 sigma.
  std::vector<int> counts(64);
  for (uint64_t key = 0; key < 4000; ++key)
    for (uint64_t i = 0; i < 8; ++i)
      ++counts[i * 8 + Permutation(8, key)(i)];
  for (int count : counts)
    EXPECT_NEAR(count, 500, 6 * std::sqrt(4000 * 7.0 / 64));
}

} // namespace
} // namespace llmc
