// Rotary tables and rotations by angles that are known beforehand.
#include "absl/strings/str_replace.h"
#include "dialects/llm/Formats/RopeFrequencies.h"
#include "tests/numerics/TestProgram.h"
#include <cmath>
#include <numbers>

namespace llmc {
namespace {

// The table of two positions from `start`, four columns, with these attributes.
std::vector<double> table(const std::string &attributes, int64_t start) {
  TestProgram program(absl::StrReplaceAll(R"(
    func.func @f(%start: index) -> tensor<2x4xf32> {
      %t = llm.rope_table %start {ATTRIBUTES} : tensor<2x4xf32>
      return %t : tensor<2x4xf32>
    })",
                                          {{"ATTRIBUTES", attributes}}));
  auto interpreter = program.interpreter<double>();
  return run<double>(interpreter, "f", {IndexValue{start}});
}

// Cosine and sine of each angle, times `magnitude`.
std::vector<double> turns(std::vector<double> angles, double magnitude = 1) {
  std::vector<double> result;
  for (double angle : angles) {
    result.push_back(magnitude * std::cos(angle));
    result.push_back(magnitude * std::sin(angle));
  }
  return result;
}

TEST(Rope, Table) {
  // Base 100 and four columns: pair 0 turns by 1 a position, pair 1 by 0.1.
  expectNear(table("base = 100.0 : f32", 0), turns({0, 0, 1, 0.1}));
  expectNear(table("base = 100.0 : f32", 30), turns({30, 3, 31, 3.1}));
}

TEST(Rope, LinearScaling) {
  expectNear(
      table("base = 100.0 : f32, scaling = #llm.rope_scaling<linear>, factor = 4.0 : f32", 8),
      turns({2, 0.2, 2.25, 0.225}));
  expectNear(table("base = 100.0 : f32, factor = 4.0 : f32", 8), turns({8, 0.8, 9, 0.9}));
}

TEST(Rope, AttentionFactorMultipliesTheTable) {
  expectNear(table("base = 100.0 : f32, attention_factor = 2.0 : f32", 8),
             turns({8, 0.8, 9, 0.9}, 2));
}

TEST(Rope, YarnInATable) {
  // 1000 positions of pair 0 are 159 turns, of pair 1 are 16. Where between 1 and 32 turns lies:
  // base 100 and dims 4 put 32 turns at 2 ln(1000 / (64 pi)) / ln(100) = 0.697, rounded down to 0,
  // and 1 turn at 2 ln(1000 / (2 pi)) / ln(100) = 2.2, rounded up to 3. So pair 0 is kept and pair
  // 1 is a third scaled.
  double scaled = 0.1 * ((1 - 2.0 / 3) / 4 + 2.0 / 3);
  expectNear(table("base = 100.0 : f32, scaling = #llm.rope_scaling<yarn>, factor = 4.0 : f32, "
                   "attention_factor = 0.5 : f32, original_context = 1000",
                   5),
             turns({5, 5 * scaled, 6, 6 * scaled}, 0.5 * (1 + 0.1 * std::log(4.0))));
}

TEST(Rope, FactorsDivideAngles) {
  TestProgram program(R"(
    func.func @f(%start: index, %factors: tensor<2xf32>) -> tensor<1x4xf32> {
      %t = llm.rope_table %start factors %factors : tensor<2xf32> {base = 100.0 : f32}
         : tensor<1x4xf32>
      return %t : tensor<1x4xf32>
    })");
  auto interpreter = program.interpreter<double>();
  expectNear(run<double>(interpreter, "f", {IndexValue{6}, makeTensor<double>({2}, {2, 3})}),
             turns({3, 0.2}));
}

TEST(Rope, FrequenciesOfYarn) {
  // Ramp from pair 20 to pair 46 of 64: 128 ln(4096 / (2 pi n)) / (2 ln 10000) is 20.95 at n = 32
  // and 45.03 at n = 1.
  RopeParameters parameters{.dims = 128,
                            .base = 10000,
                            .scaling = RopeScalingKind::Yarn,
                            .factor = 8,
                            .attentionFactor = 1,
                            .betaFast = 32,
                            .betaSlow = 1,
                            .extrapolation = 1,
                            .originalContext = 4096};
  RopeFrequencies rope = ropeFrequencies(parameters);
  ASSERT_EQ(rope.frequencies.size(), 64u);
  EXPECT_NEAR(rope.magnitude, 1.2079441541679836, 1e-15); // 1 + 0.1 ln 8
  auto ratio = [&](int i) { return rope.frequencies[i] / std::pow(10000, -i / 64.0); };
  EXPECT_NEAR(ratio(0), 1, 1e-12);
  EXPECT_NEAR(ratio(20), 1, 1e-12);
  EXPECT_NEAR(ratio(33), 0.5 + 0.5 / 8, 1e-12); // half way
  EXPECT_NEAR(ratio(46), 1.0 / 8, 1e-12);
  EXPECT_NEAR(ratio(63), 1.0 / 8, 1e-12);

  parameters.extrapolation = 0.5;
  EXPECT_NEAR(ropeFrequencies(parameters).frequencies[0], 0.5 + 0.5 / 8, 1e-12);
  parameters.extrapolation = 0; // no mix, no magnitude
  EXPECT_NEAR(ropeFrequencies(parameters).frequencies[0], 1.0 / 8, 1e-12);
  EXPECT_EQ(ropeFrequencies(parameters).magnitude, 1);
}

TEST(Rope, RampIsCutToTheDimensions) {
  // A small context turns nothing 32 times and the slowest pair not even once: 16 positions are 2.5
  // turns of pair 0, so the ramp starts at 0; one that turns once is 8 ln(16 / (2 pi)) / (2 ln 10)
  // = 1.6, rounded up to 2.
  RopeParameters parameters{
      .dims = 8, .base = 10, .scaling = RopeScalingKind::Yarn, .factor = 2, .originalContext = 16};
  RopeFrequencies rope = ropeFrequencies(parameters);
  auto ratio = [&](int i) { return rope.frequencies[i] / std::pow(10, -i / 4.0); };
  EXPECT_NEAR(ratio(0), 1, 1e-12);
  EXPECT_NEAR(ratio(1), 0.75, 1e-12);
  EXPECT_NEAR(ratio(2), 0.5, 1e-12);
  // And a large one ends the ramp at the last dimension, 7, instead of 8 ln(1e9 / (2 pi)) / (2 ln
  // 10) = 32.8; it starts at 26 and pairs before it are kept.
  parameters.originalContext = 1000000000;
  EXPECT_NEAR(ropeFrequencies(parameters).frequencies[3] / std::pow(10, -0.75), 1, 1e-12);
}

TEST(Rope, RotatesNeighboursOfEachHead) {
  // Heads of 4 of which the first 2 turn: by 90 degrees in row 0, by 30 degrees in row 1.
  TestProgram program(R"(
    func.func @f(%x: tensor<?x8xf32>, %t: tensor<?x2xf32>) -> tensor<?x8xf32> {
      %y = llm.rope %x, %t head_dim 4 : tensor<?x8xf32>, tensor<?x2xf32>
      return %y : tensor<?x8xf32>
    })");
  auto interpreter = program.interpreter<double>();
  auto y = run<double>(interpreter, "f",
                       {rows(2, {1, 2, 3, 4, 5, 6, 7, 8, 1, 0, 3, 4, 0, 1, 7, 8}),
                        rows(2, turns({std::numbers::pi / 2, std::numbers::pi / 6}))});
  double c = std::sqrt(3.0) / 2;
  expectNear(y, {-2, 1, 3, 4, -6, 5, 7, 8, c, 0.5, 3, 4, -0.5, c, 7, 8});
}

TEST(Rope, RotatesHalvesOfEachHead) {
  // Heads of 6 of which the first 4 turn, in pairs (0, 2) and (1, 3): by 90 and by 30 degrees.
  TestProgram program(R"(
    func.func @f(%x: tensor<?x12xf32>, %t: tensor<?x4xf32>) -> tensor<?x12xf32> {
      %y = llm.rope %x, %t head_dim 6 {halves} : tensor<?x12xf32>, tensor<?x4xf32>
      return %y : tensor<?x12xf32>
    })");
  auto interpreter = program.interpreter<double>();
  auto y = run<double>(interpreter, "f",
                       {rows(1, {1, 1, 3, 0, 5, 6, 0, 0, 7, 1, 8, 9}),
                        rows(1, turns({std::numbers::pi / 2, std::numbers::pi / 6}))});
  double c = std::sqrt(3.0) / 2;
  expectNear(y, {-3, c, 1, 0.5, 5, 6, -7, -0.5, 0, c, 8, 9});
}

TEST(Rope, RowsOfTheTableFollowTheTokens) {
  TestProgram program(R"(
    func.func private @inner(%start: index) -> tensor<?x2xf32> {
      %t = llm.rope_table %start {base = 100.0 : f32} : tensor<?x2xf32>
      return %t : tensor<?x2xf32>
    }
    func.func @tokens(%tokens: tensor<?xi32>, %start: index) -> tensor<?x2xf32> {
      %t = call @inner(%start) : (index) -> tensor<?x2xf32>
      return %t : tensor<?x2xf32>
    }
    func.func @rows(%w: tensor<1x2xf32>, %x: tensor<?x2xf32>, %start: index) -> tensor<?x2xf32> {
      %t = call @inner(%start) : (index) -> tensor<?x2xf32>
      return %t : tensor<?x2xf32>
    })");
  auto interpreter = program.interpreter<double>();
  expectNear(run<double>(interpreter, "tokens", {TokensValue{{7, 7, 7}}, IndexValue{5}}),
             turns({5, 6, 7}));
  expectNear(
      run<double>(interpreter, "rows", {rows(1, {0, 0}), rows(2, {0, 0, 0, 0}), IndexValue{5}}),
      turns({5, 6}));
  EXPECT_EQ(interpreter.call("inner", {IndexValue{5}}).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

} // namespace
} // namespace llmc
