// Mixtures of experts: compiled code against the interpreter, for all block formats, from steps of
// one token to steps in which an expert has several tiles.
#include "absl/strings/substitute.h"
#include "tests/numerics/TestData.h"
#include <cmath>

namespace llmc {
namespace {

struct ExpertCase {
  const BlockFormat *gate, *up, *down;
  int64_t experts = 6, used = 2, width = 64, hidden = 96;
  bool normalize = true;
};

const BlockFormat &format(absl::string_view name) { return *findBlockFormat(name); }

// Two functions: @products is one product with each token's experts and their sum, @layer a whole
// feed-forward layer with its residual.
std::string programText(const ExpertCase &c) {
  auto matrices = [](const BlockFormat &f, int64_t experts, int64_t n, int64_t k) {
    return absl::Substitute("tensor<$0x$1x$2x$3>", experts, n, k, elementType(f));
  };
  const std::string gate = matrices(*c.gate, c.experts, c.hidden, c.width);
  const std::string up = matrices(*c.up, c.experts, c.hidden, c.width);
  const std::string down = matrices(*c.down, c.experts, c.width, c.hidden);
  const std::string x = absl::Substitute("tensor<?x$0xf32>", c.width);
  const std::string y = absl::Substitute("tensor<?x$0xf32>", c.hidden);
  const std::string wide = absl::Substitute("tensor<?x$0xf32>", c.used * c.hidden);
  const std::string back = absl::Substitute("tensor<?x$0xf32>", c.used * c.width);
  const std::string ids = absl::Substitute("tensor<?x$0xi32>", c.used);
  const std::string weights = absl::Substitute("tensor<?x$0xf32>", c.used);
  const std::string logits = absl::Substitute("tensor<?x$0xf32>", c.experts);
  const std::string router = absl::Substitute("tensor<$0x$1xf32>", c.experts, c.width);
  const std::string bias = absl::Substitute("tensor<$0xf32>", c.experts);

  std::string text =
      absl::Substitute("llm.weight @gate : $0 from \"gate\"\nllm.weight @up : $1 from \"up\"\n"
                       "llm.weight @down : $2 from \"down\"\nllm.weight @router : $3 from "
                       "\"router\"\nllm.weight @bias : $4 from \"bias\"\n",
                       gate, up, down, router, bias);
  const std::string route = absl::Substitute(
      "  %r = llm.get_weight @router : $0\n  %b = llm.get_weight @bias : $1\n"
      "  %l = llm.linear %x, %r bias %b : $1 : $2, $0 -> $3\n"
      "  %i, %p = llm.route %l $4 : $3 -> $5, $6\n  %wg = llm.get_weight @gate : $7\n",
      router, bias, x, logits, c.normalize ? "{normalize}" : "", ids, weights, gate);
  absl::SubstituteAndAppend(&text,
                            "func.func @products(%x: $0) -> $1 {\n$2"
                            "  %g = llm.expert_linear %x, %i, %wg : $0, $3, $4 -> $5\n"
                            "  %s = llm.expert_sum %g, %p : $5, $6 -> $1\n  return %s : $1\n}\n",
                            x, y, route, ids, gate, wide, weights);
  absl::SubstituteAndAppend(&text,
                            "func.func @layer(%x: $0, %h: $0) -> $0 {\n$1"
                            "  %wu = llm.get_weight @up : $2\n  %wd = llm.get_weight @down : $3\n"
                            "  %g = llm.expert_linear %x, %i, %wg : $0, $4, $5 -> $6\n"
                            "  %u = llm.expert_linear %x, %i, %wu : $0, $4, $2 -> $6\n"
                            "  %s = llm.swiglu %g, %u : $6\n",
                            x, route, up, down, ids, gate, wide);
  absl::SubstituteAndAppend(&text,
                            "  %d = llm.expert_linear %s, %i, %wd : $0, $1, $2 -> $3\n"
                            "  %e = llm.expert_sum %d, %p : $3, $4 -> $5\n"
                            "  %y = llm.add %h, %e : $5\n  return %y : $5\n}\n",
                            wide, ids, down, back, weights, x);
  return text;
}

// Rows that no rounding of activations changes: whole numbers of up to 127 times a power of two, of
// which each block of 32 has the largest.
Rows exactRows(int64_t count, int64_t width, Random &random) {
  Rows rows{count, width, std::vector<float>(count * width)};
  for (int64_t i = 0; i < count * width; ++i) {
    const double q = i % width % 32 == 0 ? 127 : std::floor(random.uniform(-127, 128));
    rows.data[i] = static_cast<float>(std::ldexp(q, -7));
  }
  return rows;
}

class ExpertProgram {
public:
  ExpertProgram(const ExpertCase &c, JitProgram::Options options) : c(c) {
    // The first expert has most tokens, the last one none.
    std::vector<float> bias(c.experts);
    for (int64_t e = 0; e < c.experts; ++e)
      bias[e] = e == 0 ? 1.0f : 0.0f;
    if (c.experts > c.used)
      bias.back() = -1000;
    WeightBytes weights{
        {"gate", randomMatrix(*c.gate, c.experts * c.hidden, c.width, random)},
        {"up", randomMatrix(*c.up, c.experts * c.hidden, c.width, random)},
        {"down", randomMatrix(*c.down, c.experts * c.width, c.hidden, random)},
        {"router", randomMatrix(format("f32"), c.experts, c.width, random)},
        {"bias", floatBytes(bias)},
    };
    jit = std::make_unique<JitProgram>(programText(c), std::move(weights), options);
  }

  void check(const std::vector<int64_t> &rowCounts) {
    auto interpreter = jit->interpreter<double>();
    for (int64_t rows : rowCounts) {
      SCOPED_TRACE(testing::Message() << rows << " rows");
      Rows x = exactRows(rows, c.width, random), h = randomRows(rows, c.width, random);
      // Weights of the matrix unit are bfloat16.
      const bool rounded = usesMatrixUnit(rows) && c.gate->weights > 1;
      compare("products", {x}, interpreter, rounded ? 0.03 : 64 * 0x1p-24 * std::sqrt(c.width));
      // What the activation yields is rounded to 8 bits before the last product.
      const bool blocks = c.down->weights > 1 || c.up->weights > 1 || c.gate->weights > 1;
      compare("layer", {x, h}, interpreter, blocks ? 0.03 : 256 * 0x1p-24 * std::sqrt(c.hidden));
      if (testing::Test::HasFailure())
        return;
    }
  }

private:
  void compare(const std::string &function, const Arguments &arguments,
               Interpreter<double> &interpreter, double tolerance) {
    SCOPED_TRACE(function);
    std::vector<Rows> is = jit->run(function, std::get<Rows>(arguments[0]).count, arguments);
    auto expected = interpret(interpreter, function, arguments);
    ASSERT_EQ(is.size(), 1u);
    ASSERT_EQ(expected.size(), 1u);
    expectRows(is[0], *expected[0], [&](int64_t, int64_t) { return tolerance; });
  }

  ExpertCase c;
  Random random{20261129};
  std::unique_ptr<JitProgram> jit;
};

// Steps of one token, of less than a tile, of a few and of several tiles of the first expert.
const std::vector<int64_t> kRows{1, 2, 3, 7, 13, 37};

class JitExperts : public testing::TestWithParam<const BlockFormat *> {};

TEST_P(JitExperts, Layer) {
  const BlockFormat &f = *GetParam();
  ExpertCase c{&f, &f, &f};
  if (f.weights > 32)
    c.width = c.hidden = 256;
  ExpertProgram(c, {}).check(kRows);
}

std::vector<const BlockFormat *> allFormats() {
  std::vector<const BlockFormat *> formats;
  for (const BlockFormat &f : blockFormats())
    formats.push_back(&f);
  return formats;
}

INSTANTIATE_TEST_SUITE_P(Formats, JitExperts, testing::ValuesIn(allFormats()),
                         [](const auto &info) { return std::string(info.param->name); });

TEST(JitExperts, CountsOfExperts) {
  const BlockFormat *f = &format("f32"), *q = &format("q8_0");
  for (ExpertCase c :
       {ExpertCase{f, f, f, 1, 1}, ExpertCase{f, f, f, 3, 3, 16, 16, false},
        ExpertCase{q, q, q, 40, 8, 32, 32, false}, ExpertCase{f, f, f, 5, 1, 48, 16}})
    ExpertProgram(c, {}).check({1, 4, 29});
}

// One routing, and an input that is packed for products of two kinds.
TEST(JitExperts, FormatsTogether) {
  ExpertProgram({&format("q4_0"), &format("f16"), &format("q5_1")}, {}).check(kRows);
  ExpertProgram({&format("f32"), &format("q4_K"), &format("bf16"), 6, 2, 256, 64}, {}).check(kRows);
}

// Squares of what each expert multiplies: of tokens, and of rows that are in the experts' order.
TEST(JitExperts, SumsOfSquares) {
  constexpr int64_t kWidth = 40, kHidden = 48, kExperts = 5;
  Random random(3);
  JitProgram jit(R"mlir(
    llm.weight @router : tensor<5x40xf32> from "router"
    llm.weight @gate : tensor<5x48x40xf32> from "gate"
    llm.state @tokens : !llm.column_sums<layers = 10, columns = 41>
    llm.state @rows : !llm.column_sums<layers = 10, columns = 49>
    func.func @measure(%x: tensor<?x40xf32>) -> tensor<?x48xf32> {
      %r = llm.get_weight @router : tensor<5x40xf32>
      %w = llm.get_weight @gate : tensor<5x48x40xf32>
      %s = llm.get_state @tokens : !llm.column_sums<layers = 10, columns = 41>
      %t = llm.get_state @rows : !llm.column_sums<layers = 10, columns = 49>
      %1 = arith.constant 1 : index
      %l = llm.linear %x, %r : tensor<?x40xf32>, tensor<5x40xf32> -> tensor<?x5xf32>
      %i, %p = llm.route %l : tensor<?x5xf32> -> tensor<?x2xi32>, tensor<?x2xf32>
      llm.expert_sum_squares %x, %i into %s[%1] {experts = 5 : i64}
          : tensor<?x40xf32>, tensor<?x2xi32>, !llm.column_sums<layers = 10, columns = 41>
      %y = llm.expert_linear %x, %i, %w
          : tensor<?x40xf32>, tensor<?x2xi32>, tensor<5x48x40xf32> -> tensor<?x96xf32>
      llm.expert_sum_squares %y, %i into %t[%1] {experts = 5 : i64}
          : tensor<?x96xf32>, tensor<?x2xi32>, !llm.column_sums<layers = 10, columns = 49>
      %z = llm.expert_sum %y, %p : tensor<?x96xf32>, tensor<?x2xf32> -> tensor<?x48xf32>
      return %z : tensor<?x48xf32>
    })mlir",
                 {{"router", randomMatrix(format("f32"), kExperts, kWidth, random)},
                  {"gate", randomMatrix(format("f32"), kExperts * kHidden, kWidth, random)}},
                 {});
  auto interpreter = jit.interpreter<double>();
  // Steps add to what was there.
  for (int64_t rows : {1, 30}) {
    Arguments arguments{randomRows(rows, kWidth, random)};
    jit.run("measure", rows, arguments);
    interpret(interpreter, "measure", arguments);
    for (size_t i = 0; i < 2; ++i) {
      auto expected = interpreter.columnSums(StateHandle{i ? "rows" : "tokens"});
      ASSERT_TRUE(expected.ok()) << expected.status();
      expectRows(jit.columnSums(i), **expected,
                 [&](int64_t r, int64_t c) { return 1e-5 * (1 + (*expected)->row(r)[c]); });
    }
  }
}

// The arena has room for exactly the rows of the step.
TEST(JitExperts, StepsOfTheMostRows) {
  const BlockFormat *f = &format("f16"), *q = &format("q4_0");
  for (int64_t rows : {1, 12, 33}) {
    ExpertProgram({f, f, f}, {.maxRows = rows}).check({rows});
    ExpertProgram({q, q, q}, {.maxRows = rows}).check({rows});
  }
}

} // namespace
} // namespace llmc
