#include "runtime/eval/Perplexity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

namespace llmc {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(NegativeLogLikelihood, ByHand) {
  EXPECT_NEAR(*negativeLogLikelihood(std::vector<float>{0, 0, 0, 0}, 2), std::log(4.0), 1e-12);
  // exp: 1, 3, 4; the target has 3 of 8.
  const std::vector<float> logits = {0, std::log(3.0f), std::log(4.0f)};
  EXPECT_NEAR(*negativeLogLikelihood(logits, 1), std::log(8.0 / 3.0), 1e-6);
  EXPECT_NEAR(*negativeLogLikelihood(std::vector<float>{0, -kInfinity, 0}, 0), std::log(2.0),
              1e-12);
}

TEST(NegativeLogLikelihood, IsStableForHugeLogits) {
  EXPECT_NEAR(*negativeLogLikelihood(std::vector<float>{1e30f, 1e30f}, 0), std::log(2.0), 1e-12);
  EXPECT_NEAR(*negativeLogLikelihood(std::vector<float>{-1e4f, -1e4f, -1e4f}, 0), std::log(3.0),
              1e-12);
  EXPECT_DOUBLE_EQ(*negativeLogLikelihood(std::vector<float>{1000, 0}, 1), 1000.0);
}

TEST(NegativeLogLikelihood, AgreesWithLongDouble) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, 4);
  std::vector<float> logits(32'000);
  for (float &logit : logits)
    logit = normal(random);
  long double sum = 0;
  for (float logit : logits)
    sum += std::exp(static_cast<long double>(logit));
  EXPECT_NEAR(*negativeLogLikelihood(logits, 77), double(std::log(sum) - logits[77]), 1e-7);
}

TEST(NegativeLogLikelihood, RefusesWhatHasNoLikelihood) {
  const std::vector<float> good = {1, 2};
  EXPECT_FALSE(negativeLogLikelihood(good, -1).ok());
  EXPECT_FALSE(negativeLogLikelihood(good, 2).ok());
  EXPECT_FALSE(negativeLogLikelihood({}, 0).ok());
  EXPECT_FALSE(negativeLogLikelihood(std::vector<float>{1, NAN}, 0).ok());
  EXPECT_FALSE(negativeLogLikelihood(std::vector<float>{1, kInfinity}, 0).ok());
  EXPECT_FALSE(negativeLogLikelihood(std::vector<float>{1, -kInfinity}, 1).ok());
  EXPECT_FALSE(negativeLogLikelihood(std::vector<float>{-kInfinity, -kInfinity}, 1).ok());
}

TEST(PerplexityAccumulator, MeanAndErrorByHand) {
  PerplexityAccumulator accumulator;
  EXPECT_TRUE(std::isnan(accumulator.perplexity()));
  accumulator.add(1);
  EXPECT_DOUBLE_EQ(accumulator.perplexity(), std::exp(1.0));
  EXPECT_EQ(accumulator.standardError(), 0);
  for (double nll : {2.0, 3.0, 6.0})
    accumulator.add(nll);
  EXPECT_EQ(accumulator.count(), 4u);
  // Mean 3, mean of squares 12.5.
  EXPECT_NEAR(accumulator.perplexity(), std::exp(3.0), 1e-12);
  EXPECT_NEAR(accumulator.standardError(), std::exp(3.0) * std::sqrt((12.5 - 9) / 3), 1e-12);
}

TEST(PerplexityAccumulator, BadRowsCountNothing) {
  PerplexityAccumulator accumulator;
  EXPECT_TRUE(accumulator.add(std::vector<float>{0, 0}, 1).ok());
  EXPECT_FALSE(accumulator.add(std::vector<float>{0, NAN}, 0).ok());
  EXPECT_EQ(accumulator.count(), 1u);
  EXPECT_NEAR(accumulator.perplexity(), 2, 1e-12);
}

TEST(PerplexityPlan, WindowsAdjoinAndStartWithBos) {
  std::vector<int32_t> tokens(21);
  std::iota(tokens.begin(), tokens.end(), 100);
  auto plan = PerplexityPlan::create(tokens, 8, 1);
  ASSERT_TRUE(plan.ok()) << plan.status();
  ASSERT_EQ(plan->windows(), 2u); // five tokens are left over
  const PerplexityWindow window = plan->window(1);
  EXPECT_THAT(window.tokens, ElementsAre(1, 109, 110, 111, 112, 113, 114, 115));
  EXPECT_EQ(window.firstScored, 4u);
  EXPECT_EQ(window.scored, 3u); // 4, 5, 6; the last position's next token is in no window
  EXPECT_EQ(window.target(4), 113);
  EXPECT_EQ(window.target(6), 115);
  EXPECT_THAT(plan->window(0).tokens, ElementsAre(1, 101, 102, 103, 104, 105, 106, 107));
}

TEST(PerplexityPlan, WithoutBosTheTextStaysAsItIs) {
  const std::vector<int32_t> tokens = {5, 6, 7, 8, 9, 10};
  auto plan = PerplexityPlan::create(tokens, 3, {});
  ASSERT_TRUE(plan.ok());
  const PerplexityWindow window = plan->window(1);
  EXPECT_THAT(window.tokens, ElementsAre(8, 9, 10));
  EXPECT_EQ(window.firstScored, 1u);
  EXPECT_EQ(window.scored, 1u);
  EXPECT_EQ(window.target(1), 10);
}

TEST(PerplexityPlan, OfTwoHundredFiftySixScoresPositions128To254) {
  const std::vector<int32_t> tokens(37 * 256 + 255);
  auto plan = PerplexityPlan::create(tokens, 256, 1);
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->windows(), 37u);
  EXPECT_EQ(plan->scoredPerWindow(), 127u);
  const PerplexityWindow last = plan->window(36);
  EXPECT_EQ(last.tokens.size(), 256u);
  EXPECT_EQ(last.firstScored, 128u);
  EXPECT_EQ(last.firstScored + last.scored - 1, 254u);
}

TEST(PerplexityPlan, TooShortATextIsToldWithBothFigures) {
  const std::vector<int32_t> tokens(1023);
  auto plan = PerplexityPlan::create(tokens, 512, 1);
  EXPECT_EQ(plan.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(plan.status().message()), AllOf(HasSubstr("1024"), HasSubstr("1023")));
  EXPECT_TRUE(PerplexityPlan::create(std::vector<int32_t>(1024), 512, 1).ok());
  EXPECT_FALSE(PerplexityPlan::create(tokens, std::numeric_limits<size_t>::max(), 1).ok());
  EXPECT_FALSE(PerplexityPlan::create(tokens, 2, 1).ok());
  EXPECT_FALSE(PerplexityPlan::create(tokens, 0, 1).ok());
}

} // namespace
} // namespace llmc
