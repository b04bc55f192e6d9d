// Operations on rows of compiled code against the interpreter: embeddings, norms, elementwise
// functions, rotary positions.
#include "absl/strings/match.h"
#include "absl/strings/substitute.h"
#include "tests/numerics/TestData.h"
#include <cmath>
#include <numeric>

namespace llmc {
namespace {

// Half a unit in the last place of 1 in f32.
constexpr double kUlp = 0x1p-24;
const std::vector<int64_t> kSomeRows{1, 2, 3, 12, 13, 37};

// Runs `function` on both and compares by `tolerance(row, column, expected)`.
void check(JitProgram &program, const std::string &function, int64_t rows,
           const Arguments &arguments,
           const std::function<double(int64_t, int64_t, double)> &tolerance) {
  SCOPED_TRACE(testing::Message() << function << ", " << rows << " rows");
  std::vector<Rows> is = program.run(function, rows, arguments);
  auto interpreter = program.interpreter<double>();
  std::vector<TensorRef<double>> expected = interpret(interpreter, function, arguments);
  ASSERT_EQ(is.size(), expected.size());
  for (size_t i = 0; i < is.size(); ++i)
    expectRows(is[i], *expected[i],
               [&](int64_t r, int64_t c) { return tolerance(r, c, expected[i]->row(r)[c]); });
}

class JitEmbed : public testing::TestWithParam<const BlockFormat *> {};

// Weights that are also multiplied with are packed, others lie as in the file; dequantization is
// the same float operations everywhere.
TEST_P(JitEmbed, RowsOfTheMatrix) {
  const BlockFormat &f = *GetParam();
  Random random(f.ggmlType);
  std::string text;
  WeightBytes weights;
  std::vector<std::pair<std::string, int64_t>> functions;
  for (int64_t columns : f.weights == 1 ? std::vector<int64_t>{1, 19, 100}
                                        : std::vector<int64_t>{f.weights, 3 * f.weights})
    for (bool tied : {false, true}) {
      const int64_t vocabulary = tied ? 40 : 21;
      const std::string name = absl::StrCat(tied ? "tied" : "plain", columns);
      const std::string type =
          absl::Substitute("tensor<$0x$1x$2>", vocabulary, columns, elementType(f));
      absl::SubstituteAndAppend(&text, R"(
        llm.weight @w.$0 : $1 from "w.$0"
        func.func @$0(%tokens: tensor<?xi32>) -> tensor<?x$2xf32> {
          %w = llm.get_weight @w.$0 : $1
          %y = llm.embed %tokens, %w : tensor<?xi32>, $1 -> tensor<?x$2xf32>
          return %y : tensor<?x$2xf32>
        })",
                                name, type, columns);
      if (tied)
        absl::SubstituteAndAppend(&text, R"(
        func.func @logits$2(%x: tensor<?x$2xf32>) -> tensor<?x$3xf32> {
          %w = llm.get_weight @w.$0 : $1
          %y = llm.linear %x, %w : tensor<?x$2xf32>, $1 -> tensor<?x$3xf32>
          return %y : tensor<?x$3xf32>
        })",
                                  name, type, columns, vocabulary);
      weights["w." + name] = randomMatrix(f, vocabulary, columns, random);
      functions.push_back({name, vocabulary});
    }
  JitProgram program(text, weights, {});
  ASSERT_EQ(program.manifest().weights.size(), functions.size());
  for (size_t i = 0; i < functions.size(); ++i) {
    auto [name, vocabulary] = functions[i];
    SCOPED_TRACE(name);
    EXPECT_EQ(program.manifest().weights[i].packed, absl::StartsWith(name, "tied"));
    std::vector<int32_t> tokens{int32_t(vocabulary) - 1, 0};
    for (int32_t token = 0; token < vocabulary && tokens.size() < 37; ++token)
      tokens.push_back(token * 7 % vocabulary);
    std::vector<Rows> is = program.run(name, tokens.size(), {tokens});
    auto interpreter = program.interpreter<double>();
    std::vector<TensorRef<double>> expected = interpret(interpreter, name, {tokens});
    ASSERT_EQ(is.size(), 1u);
    expectSameRows(is[0], *expected[0]);
  }
}

std::vector<const BlockFormat *> allFormats() {
  std::vector<const BlockFormat *> formats;
  for (const BlockFormat &f : blockFormats())
    formats.push_back(&f);
  return formats;
}

INSTANTIATE_TEST_SUITE_P(Formats, JitEmbed, testing::ValuesIn(allFormats()),
                         [](const auto &info) { return std::string(info.param->name); });

// Every half that is a number, normal, subnormal or infinite, converts as it does elsewhere.
TEST(JitRows, EveryHalf) {
  std::vector<uint8_t> bytes;
  for (uint32_t half = 0; half < 0x10000; ++half)
    if ((half & 0x7fff) <= 0x7c00)
      bytes.insert(bytes.end(), {uint8_t(half & 0xff), uint8_t(half >> 8)});
  bytes.resize(2 * 256 * 256); // with zeros for those that are no number
  JitProgram program(R"(
  llm.weight @w : tensor<256x256xf16> from "w"
  func.func @f(%tokens: tensor<?xi32>) -> tensor<?x256xf32> {
    %w = llm.get_weight @w : tensor<256x256xf16>
    %y = llm.embed %tokens, %w : tensor<?xi32>, tensor<256x256xf16> -> tensor<?x256xf32>
    return %y : tensor<?x256xf32>
  })",
                     {{"w", bytes}}, {.maxRows = 256});
  std::vector<int32_t> tokens(256);
  std::iota(tokens.begin(), tokens.end(), 0);
  std::vector<Rows> is = program.run("f", 256, {tokens});
  auto interpreter = program.interpreter<double>();
  auto expected = interpret(interpreter, "f", {tokens});
  ASSERT_EQ(is.size(), 1u);
  expectSameRows(is[0], *expected[0]);
}

TEST(JitRows, RmsNorm) {
  Random random(1);
  const std::vector<int64_t> widths{1, 5, 16, 20, 64, 100, 129, 256, 1000};
  std::string text;
  WeightBytes weights;
  for (int64_t width : widths) {
    absl::SubstituteAndAppend(&text, R"(
      llm.weight @w$0 : tensor<$0xf32> from "w$0"
      func.func @norm$0(%x: tensor<?x$0xf32>) -> tensor<?x$0xf32> {
        %w = llm.get_weight @w$0 : tensor<$0xf32>
        %y = llm.rms_norm %x, %w eps $1 : tensor<?x$0xf32>, tensor<$0xf32>
        return %y : tensor<?x$0xf32>
      })",
                              width, width % 2 ? "1.0e-06" : "2.0e-02");
    weights[absl::StrCat("w", width)] = randomVector(width, -2, 2, random);
  }
  JitProgram program(text, weights, {});
  for (int64_t width : widths)
    for (int64_t rows : kSomeRows) {
      Rows x = randomRows(rows, width, random);
      std::fill_n(x.data.end() - width, width, 0.0f); // eps alone
      // The sum of squares has no cancellation; then a root, two quotients and two products.
      check(program, absl::StrCat("norm", width), rows, {x},
            [](int64_t, int64_t, double y) { return 12 * kUlp * std::abs(y); });
    }
}

// Heads side by side, which may begin anywhere in a vector.
TEST(JitRows, RmsNormOfHeads) {
  Random random(6);
  const std::pair<int64_t, int64_t> shapes[] = {{1, 3},  {5, 3},  {16, 2},
                                                {20, 4}, {64, 3}, {129, 2}};
  std::string text;
  WeightBytes weights;
  for (auto [head, heads] : shapes) {
    absl::SubstituteAndAppend(&text, R"(
      llm.weight @w$0 : tensor<$0xf32> from "w$0"
      func.func @norm$0(%x: tensor<?x$1xf32>) -> tensor<?x$1xf32> {
        %w = llm.get_weight @w$0 : tensor<$0xf32>
        %y = llm.rms_norm %x, %w eps 2.0e-02 : tensor<?x$1xf32>, tensor<$0xf32>
        return %y : tensor<?x$1xf32>
      })",
                              head, head * heads);
    weights[absl::StrCat("w", head)] = randomVector(head, -2, 2, random);
  }
  JitProgram program(text, weights, {});
  for (auto [head, heads] : shapes)
    for (int64_t rows : kSomeRows)
      check(program, absl::StrCat("norm", head), rows, {randomRows(rows, head * heads, random)},
            [](int64_t, int64_t, double y) { return 12 * kUlp * std::abs(y); });
}

TEST(JitRows, LayerNorm) {
  Random random(7);
  const std::vector<int64_t> widths{1, 5, 16, 20, 64, 129, 1000};
  std::string text;
  WeightBytes weights;
  for (int64_t width : widths) {
    absl::SubstituteAndAppend(&text, R"(
      llm.weight @w$0 : tensor<$0xf32> from "w$0"
      llm.weight @b$0 : tensor<$0xf32> from "b$0"
      func.func @norm$0(%x: tensor<?x$0xf32>) -> tensor<?x$0xf32> {
        %w = llm.get_weight @w$0 : tensor<$0xf32>
        %b = llm.get_weight @b$0 : tensor<$0xf32>
        %y = llm.layer_norm %x, %w, %b eps 2.0e-02 : tensor<?x$0xf32>, tensor<$0xf32>
        return %y : tensor<?x$0xf32>
      })",
                              width);
    weights[absl::StrCat("w", width)] = randomVector(width, -2, 2, random);
    weights[absl::StrCat("b", width)] = randomVector(width, -1, 1, random);
  }
  JitProgram program(text, weights, {});
  for (int64_t width : widths)
    for (int64_t rows : kSomeRows) {
      Rows x = randomRows(rows, width, random);
      for (float &v : x.data)
        v += 3; // a mean that is large beside the differences
      // The mean, of elements up to 4, is a chain of sums in each lane and then across lanes; a
      // difference has that error, divided by a root of at least that of eps, times a weight.
      const double mean = 4 * (width / 16 + 6.0) * kUlp;
      check(program, absl::StrCat("norm", width), rows, {x}, [&](int64_t, int64_t, double y) {
        return 2 * (mean + 8 * kUlp) / std::sqrt(0.02) + 16 * kUlp * (1 + std::abs(y));
      });
    }
}

const char *kElementwise = R"(
  func.func @add(%a: tensor<?x37xf32>, %b: tensor<?x37xf32>) -> tensor<?x37xf32> {
    %y = llm.add %a, %b : tensor<?x37xf32>
    return %y : tensor<?x37xf32>
  }
  func.func @mul(%a: tensor<?x37xf32>, %b: tensor<?x37xf32>) -> tensor<?x37xf32> {
    %y = llm.mul %a, %b : tensor<?x37xf32>
    return %y : tensor<?x37xf32>
  }
  func.func @silu(%a: tensor<?x37xf32>) -> tensor<?x37xf32> {
    %y = llm.silu %a : tensor<?x37xf32>
    return %y : tensor<?x37xf32>
  }
  func.func @swiglu(%a: tensor<?x37xf32>, %b: tensor<?x37xf32>) -> tensor<?x37xf32> {
    %y = llm.swiglu %a, %b : tensor<?x37xf32>
    return %y : tensor<?x37xf32>
  }
  func.func @gelu(%a: tensor<?x37xf32>) -> tensor<?x37xf32> {
    %y = llm.gelu %a : tensor<?x37xf32>
    return %y : tensor<?x37xf32>
  }
  func.func @geglu(%a: tensor<?x37xf32>, %b: tensor<?x37xf32>) -> tensor<?x37xf32> {
    %y = llm.geglu %a, %b : tensor<?x37xf32>
    return %y : tensor<?x37xf32>
  }
  func.func @scale(%a: tensor<?x37xf32>) -> tensor<?x37xf32> {
    %y = llm.scale %a by 1.25 : tensor<?x37xf32>
    return %y : tensor<?x37xf32>
  }
  func.func @softcap(%a: tensor<?x37xf32>) -> tensor<?x37xf32> {
    %y = llm.softcap %a to 30.0 : tensor<?x37xf32>
    return %y : tensor<?x37xf32>
  }
  func.func @parameter(%a: tensor<?x37xf32>, %b: tensor<?x37xf32>)
      -> (tensor<?x37xf32>, tensor<?x37xf32>) {
    return %b, %a : tensor<?x37xf32>, tensor<?x37xf32>
  }
  func.func @twice(%a: tensor<?x37xf32>, %b: tensor<?x37xf32>)
      -> (tensor<?x37xf32>, tensor<?x37xf32>, tensor<?x37xf32>) {
    %y = llm.add %a, %a : tensor<?x37xf32>
    %z = llm.mul %y, %b : tensor<?x37xf32>
    return %y, %z, %y : tensor<?x37xf32>, tensor<?x37xf32>, tensor<?x37xf32>
  }
)";

TEST(JitRows, Elementwise) {
  JitProgram program(kElementwise, {}, {});
  Random random(2);
  for (int64_t rows : kSomeRows) {
    Rows a = randomRows(rows, 37, random), b = randomRows(rows, 37, random);
    for (float &x : a.data)
      x *= 20;
    const float special[] = {0, -0.0f, 1e-30f, -1e-30f, 87, -87, 89, -89, 3e4f, -3e4f, 1e-6f, -1};
    std::copy(std::begin(special), std::end(special), a.data.begin());
    // One operation on floats is exact before it is rounded, in double.
    for (const char *function : {"add", "mul", "parameter", "twice"}) {
      SCOPED_TRACE(testing::Message() << function << ", " << rows << " rows");
      std::vector<Rows> is = program.run(function, rows, {a, b});
      auto interpreter = program.interpreter<double>();
      std::vector<TensorRef<double>> expected = interpret(interpreter, function, {a, b});
      ASSERT_EQ(is.size(), expected.size());
      for (size_t i = 0; i < is.size(); ++i)
        expectSameRows(is[i], *expected[i]);
    }
    // exp is good to 2 ulp of its value up to where it leaves the range of f32.
    auto tolerance = [](int64_t, int64_t, double y) { return 8 * kUlp * std::abs(y) + 1e-33; };
    check(program, "silu", rows, {a}, tolerance);
    check(program, "swiglu", rows, {a, b}, tolerance);
    check(program, "scale", rows, {a}, tolerance);
    // Ulps of exp, whose argument is rounded by as many as it has powers of e.
    auto bell = [&](int64_t r, int64_t c, double y) {
      double x = a.at(r, c), argument = std::min(1.6 * std::abs(x * (1 + 0.045 * x * x)), 90.0);
      return (8 + 4 * argument) * kUlp * std::abs(y) + 1e-33;
    };
    check(program, "gelu", rows, {a}, bell);
    check(program, "geglu", rows, {a, b}, bell);
    check(program, "softcap", rows, {a}, tolerance);
  }
}

TEST(JitRows, SumSquares) {
  const std::vector<int64_t> widths{1, 15, 16, 100, 128, 129, 200, 256, 1000};
  std::string text;
  for (int64_t width : widths)
    absl::SubstituteAndAppend(&text, R"(
      llm.state @s$0 : !llm.column_sums<layers = 3, columns = $0>
      func.func @sum$0(%x: tensor<?x$0xf32>) {
        %layer = arith.constant 1 : index
        %s = llm.get_state @s$0 : !llm.column_sums<layers = 3, columns = $0>
        llm.sum_squares %x into %s[%layer]
            : tensor<?x$0xf32>, !llm.column_sums<layers = 3, columns = $0>
        return
      })",
                              width);
  JitProgram program(text, {}, {});
  Random random(5);
  ASSERT_EQ(program.manifest().columnSums.size(), widths.size());
  for (size_t i = 0; i < widths.size(); ++i) {
    const std::string name = absl::StrCat("s", widths[i]);
    auto interpreter = program.interpreter<double>();
    int64_t summed = 0;
    for (int64_t rows : kSomeRows) {
      const Rows x = randomRows(rows, widths[i], random);
      program.run(absl::StrCat("sum", widths[i]), rows, {x});
      interpret(interpreter, absl::StrCat("sum", widths[i]), {x});
      summed += rows;
    }
    SCOPED_TRACE(name);
    auto expected = interpreter.columnSums({name});
    ASSERT_TRUE(expected.ok()) << expected.status();
    // No cancellation, and each row is added with one rounding; layers 0 and 2 stay zero.
    expectRows(program.columnSums(i), **expected, [&](int64_t layer, int64_t c) {
      return double(summed + kSomeRows.size()) * kUlp * (*expected)->row(layer)[c];
    });
  }
}

TEST(JitRows, RopeTable) {
  struct Table {
    const char *name, *attributes;
    double magnitude;
  };
  const Table tables[] = {
      {"plain", "{base = 1.0e+04 : f32}", 1},
      {"linear",
       "{base = 5.0e+05 : f32, scaling = #llm.rope_scaling<linear>, factor = 4.0 : f32, "
       "attention_factor = 1.5 : f32}",
       1.5},
      {"yarn",
       "{base = 1.0e+04 : f32, scaling = #llm.rope_scaling<yarn>, factor = 8.0 : f32, "
       "original_context = 64 : i64}",
       1.3},
      {"factors", "factors %f : tensor<10xf32> {base = 1.0e+04 : f32}", 1},
  };
  std::string text = "llm.weight @f : tensor<10xf32> from \"f\"";
  for (const Table &t : tables)
    // A parameter of rows, because the interpreter takes the number of rows from it.
    absl::SubstituteAndAppend(&text, R"(
      func.func @$0(%x: tensor<?x4xf32>, %start: index) -> tensor<?x20xf32> {
        %f = llm.get_weight @f : tensor<10xf32>
        %t = llm.rope_table %start $1 : tensor<?x20xf32>
        return %t : tensor<?x20xf32>
      })",
                              t.name, t.attributes);
  Random random(3);
  JitProgram program(text, {{"f", randomVector(10, 1, 8, random)}}, {});
  for (const Table &t : tables)
    for (int64_t rows : kSomeRows)
      for (int64_t start : {int64_t(0), int64_t(61), int64_t(100000)})
        // Rounded from double once; the angle, in double, is up to 1e5.
        check(program, t.name, rows, {randomRows(rows, 4, random), start},
              [&](int64_t, int64_t, double) { return t.magnitude * (kUlp + 1e-10); });
}

TEST(JitRows, Rope) {
  // Elements per head, of which rotated.
  const std::pair<int64_t, int64_t> shapes[] = {{2, 2}, {16, 16}, {20, 8}, {64, 64}, {80, 78}};
  std::string text;
  for (auto [dim, dims] : shapes)
    absl::SubstituteAndAppend(&text, R"(
      func.func @rope$0(%x: tensor<?x$1xf32>, %t: tensor<?x$2xf32>) -> tensor<?x$1xf32> {
        %y = llm.rope %x, %t head_dim $0 : tensor<?x$1xf32>, tensor<?x$2xf32>
        return %y : tensor<?x$1xf32>
      }
      func.func @halves$0(%x: tensor<?x$1xf32>, %t: tensor<?x$2xf32>) -> tensor<?x$1xf32> {
        %y = llm.rope %x, %t head_dim $0 {halves} : tensor<?x$1xf32>, tensor<?x$2xf32>
        return %y : tensor<?x$1xf32>
      })",
                              dim, 3 * dim, dims);
  JitProgram program(text, {}, {});
  Random random(4);
  for (auto [dim, dims] : shapes)
    for (int64_t rows : kSomeRows) {
      Rows x = randomRows(rows, 3 * dim, random), table = randomRows(rows, dims, random);
      // Two products of at most 1, and their sum; what is not rotated is copied.
      for (const char *pairs : {"rope", "halves"})
        check(program, absl::StrCat(pairs, dim), rows, {x, table},
              [&, dim = dim, dims = dims](int64_t, int64_t c, double) {
                return c % dim < dims ? 3 * kUlp : 0;
              });
    }
}

} // namespace
} // namespace llmc
