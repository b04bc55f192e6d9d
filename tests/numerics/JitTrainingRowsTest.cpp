// Adjoints of operations on rows, dropout and tables of sequences: compiled code against the
// interpreter.
#include "absl/strings/str_format.h"
#include "absl/strings/substitute.h"
#include "tests/numerics/TestData.h"
#include <cmath>

namespace llmc {
namespace {

constexpr double kUlp = 0x1p-24; // half a unit in the last place of 1 in f32
const std::vector<int64_t> kSomeRows{1, 2, 3, 12, 13, 37};

// Runs `function` on both and compares result by result, by `tolerance(row, column, expected)`.
using Tolerance = std::function<double(int64_t, int64_t, double)>;
void check(JitProgram &program, const std::string &function, int64_t rows,
           const Arguments &arguments, const std::vector<Tolerance> &tolerances) {
  SCOPED_TRACE(testing::Message() << function << ", " << rows << " rows");
  std::vector<Rows> is = program.run(function, rows, arguments);
  auto interpreter = program.interpreter<double>();
  std::vector<TensorRef<double>> expected = interpret(interpreter, function, arguments);
  ASSERT_EQ(is.size(), tolerances.size());
  ASSERT_EQ(is.size(), expected.size());
  for (size_t i = 0; i < is.size(); ++i)
    expectRows(is[i], *expected[i],
               [&](int64_t r, int64_t c) { return tolerances[i](r, c, expected[i]->row(r)[c]); });
}

TEST(JitTrainingRows, RmsNormAdjoint) {
  Random random(11);
  const std::vector<int64_t> widths{1, 5, 16, 20, 64, 100, 129, 1000};
  const double eps = 0.02;
  std::string text;
  WeightBytes weights;
  std::map<int64_t, std::vector<float>> factors;
  for (int64_t width : widths) {
    absl::SubstituteAndAppend(&text, R"(
      llm.weight @w$0 : tensor<$0xf32> from "w$0"
      func.func @norm$0(%dy: tensor<?x$0xf32>, %x: tensor<?x$0xf32>) -> tensor<?x$0xf32> {
        %w = llm.get_weight @w$0 : tensor<$0xf32>
        %dx = llm.rms_norm_adjoint %dy, %x, %w eps 2.0e-02 : tensor<?x$0xf32>, tensor<$0xf32>
        return %dx : tensor<?x$0xf32>
      }
      func.func @heads$0(%dy: tensor<?x$1xf32>, %x: tensor<?x$1xf32>) -> tensor<?x$1xf32> {
        %w = llm.get_weight @w$0 : tensor<$0xf32>
        %dx = llm.rms_norm_adjoint %dy, %x, %w eps 2.0e-02 : tensor<?x$1xf32>, tensor<$0xf32>
        return %dx : tensor<?x$1xf32>
      })",
                              width, 3 * width);
    factors[width] = randomRows(1, width, random).data;
    weights[absl::StrCat("w", width)] = floatBytes(factors[width]);
  }
  JitProgram program(text, weights, {});
  for (int64_t width : widths)
    for (int64_t heads : {1, 3})
      for (int64_t rows : kSomeRows) {
        Rows dy = randomRows(rows, heads * width, random),
             x = randomRows(rows, heads * width, random);
        std::fill_n(x.data.end() - width, width, 0.0f); // eps alone
        check(program, absl::StrCat(heads > 1 ? "heads" : "norm", width), rows, {dy, x},
              {[&](int64_t r, int64_t c, double) {
                const int64_t first = c / width * width; // of the head
                double square = 0, products = 0;         // of magnitudes, for the sum may cancel
                for (int64_t i = 0; i < width; ++i) {
                  square += x.at(r, first + i) * x.at(r, first + i);
                  products +=
                      std::abs(dy.at(r, first + i) * factors[width][i] * x.at(r, first + i));
                }
                square = square / width + eps;
                // A chain of sums in each lane, then across lanes.
                double slope = (width / 16 + 12.0) * products / width / square;
                double g = std::abs(dy.at(r, c) * factors[width][c - first]);
                return kUlp * (12 * g + slope * std::abs(x.at(r, c))) / std::sqrt(square);
              }});
      }
}

const char *kElementwise = R"(
  func.func @silu(%dy: tensor<?x37xf32>, %x: tensor<?x37xf32>) -> tensor<?x37xf32> {
    %dx = llm.silu_adjoint %dy, %x : tensor<?x37xf32>
    return %dx : tensor<?x37xf32>
  }
  func.func @swiglu(%dy: tensor<?x37xf32>, %gate: tensor<?x37xf32>, %up: tensor<?x37xf32>)
      -> (tensor<?x37xf32>, tensor<?x37xf32>) {
    %dgate, %dup = llm.swiglu_adjoint %dy, %gate, %up : tensor<?x37xf32>
    return %dgate, %dup : tensor<?x37xf32>, tensor<?x37xf32>
  }
  func.func @gelu(%dy: tensor<?x37xf32>, %x: tensor<?x37xf32>) -> tensor<?x37xf32> {
    %dx = llm.gelu_adjoint %dy, %x : tensor<?x37xf32>
    return %dx : tensor<?x37xf32>
  }
  func.func @geglu(%dy: tensor<?x37xf32>, %gate: tensor<?x37xf32>, %up: tensor<?x37xf32>)
      -> (tensor<?x37xf32>, tensor<?x37xf32>) {
    %dgate, %dup = llm.geglu_adjoint %dy, %gate, %up : tensor<?x37xf32>
    return %dgate, %dup : tensor<?x37xf32>, tensor<?x37xf32>
  }
)";

TEST(JitTrainingRows, Elementwise) {
  JitProgram program(kElementwise, {}, {});
  Random random(12);
  for (int64_t rows : kSomeRows) {
    Rows dy = randomRows(rows, 37, random), x = randomRows(rows, 37, random);
    Rows up = randomRows(rows, 37, random);
    for (float &v : x.data)
      v *= 20;
    const float special[] = {0, -0.0f, 1e-30f, -1e-30f, 80, -80, 1e-6f, -1, -1.2784645f};
    std::copy(std::begin(special), std::end(special), x.data.begin());
    // 1 - s and 1 + x (1 - s) cancel: their error is relative to 1 and to |x|.
    auto derivative = [&](int64_t r, int64_t c, double) {
      double v = x.at(r, c), s = 1 / (1 + std::exp(-v));
      return kUlp * std::abs(dy.at(r, c)) * s * (8 + 8 * std::abs(v)) + 1e-33;
    };
    auto relative = [](int64_t, int64_t, double y) { return 8 * kUlp * std::abs(y) + 1e-33; };
    check(program, "silu", rows, {dy, x}, {derivative});
    check(program, "swiglu", rows, {dy, x, up}, {derivative, relative});
    // The exponent u has an error of some units relative to |u|, and u' is up to 1 + x^2.
    for (float &v : x.data)
      v /= 5;
    auto geluDerivative = [&](int64_t r, int64_t c, double) {
      double v = x.at(r, c), u = 1.6 * (v + 0.0447 * v * v * v), s = 1 / (1 + std::exp(-u));
      double slope = 1.6 * (1 + 0.134 * v * v);
      return kUlp * std::abs(dy.at(r, c)) * s *
                 (8 + 16 * (1 + std::abs(u)) * (1 + std::abs(v) * slope)) +
             1e-33;
    };
    auto gelu = [&](int64_t r, int64_t c, double y) {
      double v = x.at(r, c), u = 1.6 * (v + 0.0447 * v * v * v);
      return (8 + 8 * std::abs(u)) * kUlp * std::abs(y) + 1e-33;
    };
    check(program, "gelu", rows, {dy, x}, {geluDerivative});
    check(program, "geglu", rows, {dy, x, up}, {geluDerivative, gelu});
  }
}

TEST(JitTrainingRows, RopeAdjoint) {
  // Elements per head, of which rotated.
  const std::pair<int64_t, int64_t> shapes[] = {{2, 2}, {20, 8}, {64, 64}, {80, 78}};
  std::string text;
  for (auto [dim, dims] : shapes)
    absl::SubstituteAndAppend(&text, R"(
      func.func @rope$0(%dy: tensor<?x$1xf32>, %t: tensor<?x$2xf32>) -> tensor<?x$1xf32> {
        %dx = llm.rope_adjoint %dy, %t head_dim $0 : tensor<?x$1xf32>, tensor<?x$2xf32>
        return %dx : tensor<?x$1xf32>
      }
      func.func @both$0(%dy: tensor<?x$1xf32>, %t: tensor<?x$2xf32>) -> tensor<?x$1xf32> {
        %y = llm.rope %dy, %t head_dim $0 : tensor<?x$1xf32>, tensor<?x$2xf32>
        %dx = llm.rope_adjoint %y, %t head_dim $0 : tensor<?x$1xf32>, tensor<?x$2xf32>
        return %dx : tensor<?x$1xf32>
      })",
                              dim, 3 * dim, dims);
  JitProgram program(text, {}, {});
  Random random(13);
  for (auto [dim, dims] : shapes)
    for (int64_t rows : kSomeRows) {
      Rows dy = randomRows(rows, 3 * dim, random), table = randomRows(rows, dims, random);
      auto tolerance = [&, dim = dim, dims = dims](double ulps) -> Tolerance {
        return [=](int64_t, int64_t c, double) { return c % dim < dims ? ulps * kUlp : 0; };
      };
      check(program, absl::StrCat("rope", dim), rows, {dy, table}, {tolerance(3)});
      check(program, absl::StrCat("both", dim), rows, {dy, table}, {tolerance(12)});
    }
}

TEST(JitTrainingRows, RopeTableOfSequences) {
  std::string text;
  const std::vector<int64_t> sequences{1, 3, 12, 37, 1000};
  for (int64_t sequence : sequences)
    absl::SubstituteAndAppend(&text, R"(
      func.func @table$0(%x: tensor<?x4xf32>, %start: index) -> tensor<?x20xf32> {
        %t = llm.rope_table %start {base = 1.0e+04 : f32, sequence = $0 : i64} : tensor<?x20xf32>
        return %t : tensor<?x20xf32>
      })",
                              sequence);
  JitProgram program(text, {}, {});
  Random random(14);
  for (int64_t sequence : sequences)
    for (int64_t rows : kSomeRows)
      check(program, absl::StrCat("table", sequence), rows,
            {randomRows(rows, 4, random), int64_t(5)},
            {[](int64_t, int64_t, double) { return kUlp + 1e-10; }});
}

TEST(JitTrainingRows, Dropout) {
  std::string text;
  const std::vector<int64_t> widths{1, 16, 37, 200};
  const std::vector<const char *> rates{"0.0", "5.0e-02", "0.5", "0.99"};
  for (int64_t width : widths)
    for (size_t i = 0; i < rates.size(); ++i)
      absl::SubstituteAndAppend(&text, R"(
      func.func @drop$0.$1(%x: tensor<?x$0xf32>, %seed: index, %layer: index) -> tensor<?x$0xf32> {
        %y = llm.dropout %x seed %seed layer %layer site $1 rate $2 : tensor<?x$0xf32>
        return %y : tensor<?x$0xf32>
      })",
                                width, i, rates[i]);
  JitProgram program(text, {}, {});
  Random random(15);
  for (int64_t width : widths)
    for (size_t i = 0; i < rates.size(); ++i)
      for (int64_t rows : kSomeRows)
        for (int64_t seed : {int64_t(-1), int64_t(0), int64_t(1), int64_t(1) << 40}) {
          SCOPED_TRACE(testing::Message() << "rate " << rates[i] << ", seed " << seed);
          Rows x = randomRows(rows, width, random);
          for (float &v : x.data)
            v += 2; // so that none is zero of itself
          // The same elements, which is what a difference of 1 or more would show.
          check(program, absl::StrFormat("drop%d.%d", width, i), rows, {x, seed, int64_t(3)},
                {[](int64_t, int64_t, double y) { return 4 * kUlp * std::abs(y); }});
        }
}

// What rows are padded with stays zero, which a norm would notice.
TEST(JitTrainingRows, Noise) {
  std::string text;
  WeightBytes weights;
  const std::vector<int64_t> widths{1, 16, 37, 200};
  const std::vector<const char *> amplitudes{"0.0", "5.0e-02", "3.0"};
  for (int64_t width : widths) {
    const std::vector<float> ones(width, 1.0f);
    weights[absl::StrCat("ones", width)] = floatBytes(ones);
    absl::SubstituteAndAppend(&text, "llm.weight @ones$0 : tensor<$0xf32> from \"ones$0\"\n",
                              width);
    for (size_t i = 0; i < amplitudes.size(); ++i)
      absl::SubstituteAndAppend(&text, R"(
      func.func @noise$0.$1(%x: tensor<?x$0xf32>, %seed: index)
          -> (tensor<?x$0xf32>, tensor<?x$0xf32>) {
        %y = llm.noise %x seed %seed site $1 amplitude $2 : tensor<?x$0xf32>
        %w = llm.get_weight @ones$0 : tensor<$0xf32>
        %z = llm.rms_norm %y, %w eps 0.5 : tensor<?x$0xf32>, tensor<$0xf32>
        return %y, %z : tensor<?x$0xf32>, tensor<?x$0xf32>
      })",
                                width, i, amplitudes[i]);
  }
  JitProgram program(text, weights, {});
  Random random(16);
  for (int64_t width : widths)
    for (size_t i = 0; i < amplitudes.size(); ++i)
      for (int64_t rows : kSomeRows)
        for (int64_t seed : {int64_t(-1), int64_t(0), int64_t(1), int64_t(1) << 40}) {
          SCOPED_TRACE(testing::Message() << "amplitude " << amplitudes[i] << ", seed " << seed);
          const Rows x = randomRows(rows, width, random);
          const bool same = seed < 0 || i == 0;
          check(program, absl::StrFormat("noise%d.%d", width, i), rows, {x, seed},
                {[&](int64_t, int64_t, double) { return same ? 0 : 8 * kUlp; },
                 [](int64_t, int64_t, double) { return 64 * kUlp; }});
        }
}

// Uniform: of as many numbers as here, the share in each of 16 bins has a standard deviation of
// 0.0007, the mean one of 0.0017, that of squares one of 0.0009, the correlation of neighbours one
// of 0.003.
TEST(JitTrainingRows, NoiseIsUniform) {
  constexpr int64_t kRows = 500, kWidth = 240;
  JitProgram program(R"(
    func.func @noise(%x: tensor<?x240xf32>, %seed: index) -> tensor<?x240xf32> {
      %y = llm.noise %x seed %seed site 1 amplitude 1.0 : tensor<?x240xf32>
      return %y : tensor<?x240xf32>
    })",
                     {}, {});
  Rows x{kRows, kWidth, std::vector<float>(kRows * kWidth)};
  const std::vector<float> y = program.run("noise", kRows, {x, int64_t(77)})[0].data;
  const std::vector<float> other = program.run("noise", kRows, {x, int64_t(78)})[0].data;
  constexpr double kCount = kRows * kWidth;
  double mean = 0, squares = 0, neighbours = 0, below = 0, seeds = 0;
  std::vector<double> bins(16);
  for (size_t i = 0; i < y.size(); ++i) {
    ASSERT_GE(y[i], -1);
    ASSERT_LE(y[i], 1);
    mean += y[i] / kCount;
    squares += y[i] * y[i] / kCount;
    neighbours += 3 * y[i] * y[(i + 1) % y.size()] / kCount;
    below += 3 * y[i] * y[(i + kWidth) % y.size()] / kCount;
    seeds += 3 * y[i] * other[i] / kCount;
    bins[std::min<size_t>(15, static_cast<size_t>((y[i] + 1) * 8))] += 1 / kCount;
  }
  EXPECT_NEAR(mean, 0, 0.007);
  EXPECT_NEAR(squares, 1.0 / 3, 0.004);
  for (double correlation : {neighbours, below, seeds})
    EXPECT_NEAR(correlation, 0, 0.012);
  for (double share : bins)
    EXPECT_NEAR(share, 1.0 / 16, 0.003);
}

} // namespace
} // namespace llmc
