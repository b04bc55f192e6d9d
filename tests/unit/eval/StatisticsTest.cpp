#include "runtime/eval/Statistics.h"
#include <cmath>
#include <gtest/gtest.h>
#include <vector>

namespace llmc {
namespace {

// By hand: 1, 2, 3, 6 have the mean 3 and the variance 14 / 3.
TEST(Statistics, Mean) {
  const Estimate estimate = meanOf(std::vector<double>{1, 2, 3, 6});
  EXPECT_DOUBLE_EQ(estimate.value, 3);
  EXPECT_DOUBLE_EQ(estimate.error, std::sqrt(14.0 / 3 / 4));
  EXPECT_EQ(estimate.count, 4u);
  EXPECT_TRUE(meanOf(std::vector<double>{1, 1.1, 0.9}).measurable());
  EXPECT_FALSE(meanOf(std::vector<double>{1, -1.1, 0.9}).measurable());
  EXPECT_FALSE(meanOf(std::vector<double>{5}).measurable());
  EXPECT_EQ(meanOf({}).count, 0u);
}

// lm-evaluation-harness' error of a share: sqrt(p (1 - p) / (n - 1)).
TEST(Statistics, Share) {
  std::vector<double> right(50);
  std::fill_n(right.begin(), 20, 1.0);
  EXPECT_NEAR(meanOf(right).error, std::sqrt(0.4 * 0.6 / 49), 1e-15);
}

// A record of many tokens counts so many times, but its tokens are no independent numbers.
TEST(Statistics, Ratio) {
  const Estimate estimate = ratioOf(std::vector<double>{2, 12}, std::vector<double>{1, 3});
  EXPECT_DOUBLE_EQ(estimate.value, 3.5);
  // The rests are -1.5 and 1.5.
  EXPECT_DOUBLE_EQ(estimate.error, std::sqrt(2.0 * (1.5 * 1.5 + 1.5 * 1.5)) / 4);
  // Twice the tokens with the same mean in each record say no more.
  const Estimate twice = ratioOf(std::vector<double>{4, 24}, std::vector<double>{2, 6});
  EXPECT_DOUBLE_EQ(twice.error, estimate.error);
}

TEST(Statistics, SignTest) {
  EXPECT_EQ(signTest(0, 0), 1);
  EXPECT_EQ(signTest(3, 3), 1);
  EXPECT_NEAR(signTest(5, 0), 2.0 / 32, 1e-12);
  EXPECT_NEAR(signTest(1, 9), 2 * (1 + 10) / 1024.0, 1e-12);
  EXPECT_NEAR(signTest(9, 1), signTest(1, 9), 1e-15);
  EXPECT_NEAR(signTest(100, 0), std::ldexp(1, -99), 1e-40);
  EXPECT_GT(signTest(1000000, 1000100), 0.9);
}

} // namespace
} // namespace llmc
