// Norms, linear layers and activations against the same formulas written out.
#include "tests/numerics/TestProgram.h"
#include <cmath>

namespace llmc {
namespace {

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

TEST(ModelMath, RmsNorm) {
  TestProgram program(R"(
    func.func @f(%x: tensor<?x2xf32>, %w: tensor<2xf32>) -> tensor<?x2xf32> {
      %y = llm.rms_norm %x, %w eps 0.5 : tensor<?x2xf32>, tensor<2xf32>
      return %y : tensor<?x2xf32>
    })");
  auto interpreter = program.interpreter<double>();
  // Means of squares: (9 + 16) / 2 = 12.5 and (1 + 0) / 2 = 0.5.
  std::vector<double> y =
      run<double>(interpreter, "f", {rows(2, {3, 4, 1, 0}), makeTensor<double>({2}, {1, 2})});
  expectNear(y, {3 / std::sqrt(13.0), 8 / std::sqrt(13.0), 1, 0});
}

TEST(ModelMath, RmsNormOfHeads) {
  TestProgram program(R"(
    func.func @f(%x: tensor<?x4xf32>, %w: tensor<2xf32>) -> tensor<?x4xf32> {
      %y = llm.rms_norm %x, %w eps 0.5 : tensor<?x4xf32>, tensor<2xf32>
      return %y : tensor<?x4xf32>
    })");
  auto interpreter = program.interpreter<double>();
  std::vector<double> y =
      run<double>(interpreter, "f", {rows(1, {3, 4, 1, 0}), makeTensor<double>({2}, {1, 2})});
  expectNear(y, {3 / std::sqrt(13.0), 8 / std::sqrt(13.0), 1, 0});
}

TEST(ModelMath, LayerNorm) {
  TestProgram program(R"(
    func.func @f(%x: tensor<?x2xf32>, %w: tensor<2xf32>, %b: tensor<2xf32>) -> tensor<?x2xf32> {
      %y = llm.layer_norm %x, %w, %b eps 0.75 : tensor<?x2xf32>, tensor<2xf32>
      return %y : tensor<?x2xf32>
    })");
  auto interpreter = program.interpreter<double>();
  // Mean 4, variance (1 + 1) / 2 = 1; then mean 5, variance 0.
  std::vector<double> y = run<double>(
      interpreter, "f",
      {rows(2, {3, 5, 5, 5}), makeTensor<double>({2}, {1, 2}), makeTensor<double>({2}, {10, 20})});
  expectNear(y, {10 - 1 / std::sqrt(1.75), 20 + 2 / std::sqrt(1.75), 10, 20});
}

TEST(ModelMath, LinearIsTransposedAndAddsTheBias) {
  TestProgram program(R"(
    func.func @f(%x: tensor<?x2xf32>, %w: tensor<3x2xf32>, %b: tensor<3xf32>)
        -> (tensor<?x3xf32>, tensor<?x3xf32>) {
      %y = llm.linear %x, %w : tensor<?x2xf32>, tensor<3x2xf32> -> tensor<?x3xf32>
      %z = llm.linear %x, %w bias %b : tensor<3xf32>
         : tensor<?x2xf32>, tensor<3x2xf32> -> tensor<?x3xf32>
      return %y, %z : tensor<?x3xf32>, tensor<?x3xf32>
    })");
  auto interpreter = program.interpreter<double>();
  auto results = interpreter.call("f", {rows(2, {1, 2, -1, 3}), rows(3, {1, 10, 2, 20, 3, 30}),
                                        makeTensor<double>({3}, {100, 200, 300})});
  ASSERT_TRUE(results.ok()) << results.status();
  ASSERT_EQ(results->size(), 2u);
  auto data = [&](int i) { return std::get<TensorRef<double>>((*results)[i])->data; };
  expectNear(data(0), {21, 42, 63, 29, 58, 87});
  expectNear(data(1), {121, 242, 363, 129, 258, 387});
}

TEST(ModelMath, Elementwise) {
  TestProgram program(R"(
    func.func @add(%a: tensor<?x2xf32>, %b: tensor<?x2xf32>) -> tensor<?x2xf32> {
      %y = llm.add %a, %b : tensor<?x2xf32>
      return %y : tensor<?x2xf32>
    }
    func.func @mul(%a: tensor<?x2xf32>, %b: tensor<?x2xf32>) -> tensor<?x2xf32> {
      %y = llm.mul %a, %b : tensor<?x2xf32>
      return %y : tensor<?x2xf32>
    }
    func.func @silu(%a: tensor<?x2xf32>) -> tensor<?x2xf32> {
      %y = llm.silu %a : tensor<?x2xf32>
      return %y : tensor<?x2xf32>
    }
    func.func @swiglu(%a: tensor<?x2xf32>, %b: tensor<?x2xf32>) -> tensor<?x2xf32> {
      %y = llm.swiglu %a, %b : tensor<?x2xf32>
      return %y : tensor<?x2xf32>
    })");
  auto interpreter = program.interpreter<double>();
  auto a = rows(1, {3, -2}), b = rows(1, {5, 7});
  expectNear(run<double>(interpreter, "add", {a, b}), {8, 5});
  expectNear(run<double>(interpreter, "mul", {a, b}), {15, -14});
  expectNear(run<double>(interpreter, "silu", {a}), {3 * sigmoid(3), -2 * sigmoid(-2)});
  expectNear(run<double>(interpreter, "swiglu", {a, b}), {15 * sigmoid(3), -14 * sigmoid(-2)});
}

TEST(ModelMath, GeluScaleAndSoftcap) {
  TestProgram program(R"(
    func.func @gelu(%a: tensor<?x2xf32>) -> tensor<?x2xf32> {
      %y = llm.gelu %a : tensor<?x2xf32>
      return %y : tensor<?x2xf32>
    }
    func.func @geglu(%a: tensor<?x2xf32>, %b: tensor<?x2xf32>) -> tensor<?x2xf32> {
      %y = llm.geglu %a, %b : tensor<?x2xf32>
      return %y : tensor<?x2xf32>
    }
    func.func @scale(%a: tensor<?x2xf32>) -> tensor<?x2xf32> {
      %y = llm.scale %a by -1.5 : tensor<?x2xf32>
      return %y : tensor<?x2xf32>
    }
    func.func @softcap(%a: tensor<?x2xf32>) -> tensor<?x2xf32> {
      %y = llm.softcap %a to 4.0 : tensor<?x2xf32>
      return %y : tensor<?x2xf32>
    })");
  auto interpreter = program.interpreter<double>();
  auto a = rows(1, {3, -2}), b = rows(1, {5, 7});
  auto gelu = [](double x) {
    return x / 2 * (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x)));
  };
  const double first = gelu(3), second = gelu(-2);
  auto near = [](const std::vector<double> &is, std::vector<double> expected) {
    ASSERT_EQ(is.size(), expected.size());
    for (size_t i = 0; i < is.size(); ++i)
      EXPECT_NEAR(is[i], expected[i], 1e-12);
  };
  near(run<double>(interpreter, "gelu", {a}), {first, second});
  near(run<double>(interpreter, "geglu", {a, b}), {5 * first, 7 * second});
  expectNear(run<double>(interpreter, "scale", {a}), {-4.5, 3});
  expectNear(run<double>(interpreter, "softcap", {a}), {4 * std::tanh(0.75), -4 * std::tanh(0.5)});
}

TEST(ModelMath, EmbedTakesRows) {
  TestProgram program(R"(
    func.func @f(%tokens: tensor<?xi32>, %w: tensor<3x2xf32>) -> tensor<?x2xf32> {
      %y = llm.embed %tokens, %w : tensor<?xi32>, tensor<3x2xf32> -> tensor<?x2xf32>
      return %y : tensor<?x2xf32>
    })");
  auto interpreter = program.interpreter<double>();
  auto w = rows(3, {1, 2, 3, 4, 5, 6});
  expectNear(run<double>(interpreter, "f", {TokensValue{{2, 0, 2}}, w}), {5, 6, 1, 2, 5, 6});
  for (int32_t token : {-1, 3}) {
    auto results = interpreter.call("f", {TokensValue{{0, token}}, w});
    EXPECT_NE(results.status().message().find("outside the vocabulary of 3"), std::string::npos)
        << results.status();
  }
}

TEST(ModelMath, FusedLinear) {
  TestProgram program(R"(
    func.func @many(%x: tensor<?x2xf32>, %n: tensor<2xf32>, %w: tensor<2x2xf32>,
                    %v: tensor<1x2xf32>, %b: tensor<1xf32>) -> (tensor<?x2xf32>, tensor<?x1xf32>) {
      %y, %z = llm.fused_linear %x norm(%n) weights(%w, %v) biases(%b)
        {eps = 0.5 : f32, biased = array<i1: false, true>}
        : (tensor<?x2xf32>, tensor<2xf32>, tensor<2x2xf32>, tensor<1x2xf32>, tensor<1xf32>)
        -> (tensor<?x2xf32>, tensor<?x1xf32>)
      return %y, %z : tensor<?x2xf32>, tensor<?x1xf32>
    }
    func.func @residual(%x: tensor<?x2xf32>, %w: tensor<1x2xf32>, %r: tensor<?x1xf32>)
        -> tensor<?x1xf32> {
      %y = llm.fused_linear %x weights(%w) residual(%r)
        : (tensor<?x2xf32>, tensor<1x2xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
      return %y : tensor<?x1xf32>
    }
    func.func @swiglu(%x: tensor<?x2xf32>, %gate: tensor<1x2xf32>, %up: tensor<1x2xf32>)
        -> tensor<?x1xf32> {
      %y = llm.fused_linear %x weights(%gate, %up) {activation = #llm.activation<swiglu>}
        : (tensor<?x2xf32>, tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
      return %y : tensor<?x1xf32>
    })");
  auto interpreter = program.interpreter<double>();
  auto x = rows(1, {3, 4});
  auto results =
      interpreter.call("many", {x, makeTensor<double>({2}, {1, 2}), rows(2, {1, 10, 2, 20}),
                                rows(1, {3, 30}), makeTensor<double>({1}, {1000})});
  ASSERT_TRUE(results.ok()) << results.status();
  double root = std::sqrt(13.0); // of (9 + 16) / 2 + 0.5; the normalized row is 3 and 8 by it
  expectNear(std::get<TensorRef<double>>((*results)[0])->data, {83 / root, 166 / root});
  expectNear(std::get<TensorRef<double>>((*results)[1])->data, {249 / root + 1000});
  expectNear(run<double>(interpreter, "residual", {x, rows(1, {1, 10}), rows(1, {1000})}), {1043});
  expectNear(run<double>(interpreter, "swiglu", {x, rows(1, {1, -1}), rows(1, {10, 1})}),
             {-1 * sigmoid(-1) * 34});
}

TEST(ModelMath, FloatComputesInFloat) {
  TestProgram program(R"(
    func.func @f(%a: tensor<?x1xf32>, %b: tensor<?x1xf32>) -> tensor<?x1xf32> {
      %y = llm.add %a, %b : tensor<?x1xf32>
      return %y : tensor<?x1xf32>
    })");
  auto single = program.interpreter<float>();
  auto twice = program.interpreter<double>();
  auto tiny = makeTensor<float>({1, 1}, {0x1p-30f}), one = makeTensor<float>({1, 1}, {1.0f});
  EXPECT_EQ(run<float>(single, "f", {one, tiny}), std::vector<float>{1.0f});
  EXPECT_EQ(run<double>(twice, "f", {rows(1, {1}), rows(1, {0x1p-30})}),
            std::vector<double>{1 + 0x1p-30});
}

} // namespace
} // namespace llmc
