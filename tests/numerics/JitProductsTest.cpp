// Products of training: compiled code against the interpreter, for every block format and in every
// arithmetic.
#include "absl/strings/substitute.h"
#include "tests/numerics/TestData.h"
#include <cmath>

namespace llmc {
namespace {

using Compute = PhaseOptions::Compute;

// Sums of `terms` products have this relative error, as a share of the sum of their magnitudes. The
// matrix unit drops the product of the low parts, at most 2^-8 of each number, and rounds low
// parts, by 2^-9 of themselves.
double relativeError(Compute compute, int64_t terms) {
  static const bool hasMatrixUnit = [] {
    absl::StatusOr<TargetDescription> target = describeTarget(testTarget());
    return target.ok() && target->dot == kernel::Dot::Amx;
  }();
  const bool split = compute == Compute::Auto && hasMatrixUnit;
  return (split ? 3 * 0x1p-16 : 0) + 0x1p-24 * double(terms + 8);
}

// Programs train when they have a parameter.
constexpr const char *kParameter = R"(
  llm.parameter @unused : tensor<1x16xf32> from "unused"
)";

JitProgram::Options optionsFor(Compute compute) {
  JitProgram::Options options;
  options.phases.compute = compute;
  options.parameters["unused"] = std::vector<float>(16);
  return options;
}

struct Matrix {
  const BlockFormat *format;
  int64_t n, k;
  std::string name() const { return absl::StrCat(n, "x", k); }
};

std::string programOf(const Matrix &m) {
  return absl::Substitute(R"(
    llm.weight @w$0 : tensor<$1x$2x$3> from "w$0"
    func.func @forward$0(%x: tensor<?x$2xf32>) -> tensor<?x$1xf32> {
      %w = llm.get_weight @w$0 : tensor<$1x$2x$3>
      %y = llm.linear %x, %w : tensor<?x$2xf32>, tensor<$1x$2x$3> -> tensor<?x$1xf32>
      return %y : tensor<?x$1xf32>
    }
    func.func @forward_add$0(%x: tensor<?x$2xf32>, %r: tensor<?x$1xf32>) -> tensor<?x$1xf32> {
      %w = llm.get_weight @w$0 : tensor<$1x$2x$3>
      %y = llm.linear %x, %w : tensor<?x$2xf32>, tensor<$1x$2x$3> -> tensor<?x$1xf32>
      %z = llm.add %y, %r : tensor<?x$1xf32>
      return %z : tensor<?x$1xf32>
    }
    func.func @backward$0(%y: tensor<?x$1xf32>) -> tensor<?x$2xf32> {
      %w = llm.get_weight @w$0 : tensor<$1x$2x$3>
      %x = llm.linear_transposed %y, %w
          : tensor<?x$1xf32>, tensor<$1x$2x$3> -> tensor<?x$2xf32>
      return %x : tensor<?x$2xf32>
    }
    func.func @backward_add$0(%y: tensor<?x$1xf32>, %r: tensor<?x$2xf32>) -> tensor<?x$2xf32> {
      %w = llm.get_weight @w$0 : tensor<$1x$2x$3>
      %x = llm.linear_transposed %y, %w plus %r : tensor<?x$2xf32>
          : tensor<?x$1xf32>, tensor<$1x$2x$3> -> tensor<?x$2xf32>
      return %x : tensor<?x$2xf32>
    }
  )",
                          m.name(), m.n, m.k, elementType(*m.format));
}

class JitProducts : public testing::TestWithParam<std::tuple<const BlockFormat *, Compute>> {};

TEST_P(JitProducts, BothDirections) {
  auto [f, compute] = GetParam();
  std::vector<Matrix> matrices;
  if (f->weights == 1)
    matrices = {{f, 1, 1}, {f, 17, 20}, {f, 70, 300}};
  else if (f->weights == 32)
    matrices = {{f, 17, 96}, {f, 70, 288}};
  else
    matrices = {{f, 17, 256}, {f, 70, 768}};
  Random random(31);
  std::string text = kParameter;
  WeightBytes weights;
  std::map<std::string, std::vector<float>> decoded;
  for (const Matrix &m : matrices) {
    text += programOf(m);
    weights["w" + m.name()] = randomMatrix(*f, m.n, m.k, random);
    decoded[m.name()] = decodeMatrix(*f, weights["w" + m.name()]);
  }
  JitProgram program(text, weights, optionsFor(compute));
  auto interpreter = program.interpreter<double>();
  for (const Matrix &m : matrices)
    for (int64_t rows : {1, 16, 37})
      for (bool backward : {false, true})
        for (bool add : {false, true}) {
          const std::string name =
              absl::StrCat(backward ? "backward" : "forward", add ? "_add" : "", m.name());
          SCOPED_TRACE(testing::Message() << name << ", " << rows << " rows");
          const int64_t terms = backward ? m.n : m.k;
          Rows x = randomRows(rows, terms, random);
          Arguments arguments{x};
          if (add)
            arguments.push_back(randomRows(rows, backward ? m.k : m.n, random));
          std::vector<Rows> is = program.run(name, rows, arguments);
          std::vector<TensorRef<double>> expected = interpret(interpreter, name, arguments);
          ASSERT_EQ(is.size(), 1u);
          const std::vector<float> &w = decoded[m.name()];
          expectRows(is[0], *expected[0], [&](int64_t r, int64_t c) {
            double magnitude = add ? 1 : 0;
            for (int64_t i = 0; i < terms; ++i)
              magnitude += std::abs(x.at(r, i) * w[backward ? i * m.k + c : c * m.k + i]);
            return magnitude * relativeError(compute, terms);
          });
        }
}

std::string nameOf(Compute compute) { return compute == Compute::F32 ? "f32" : "auto"; }

std::vector<const BlockFormat *> allFormats() {
  std::vector<const BlockFormat *> formats;
  for (const BlockFormat &f : blockFormats())
    formats.push_back(&f);
  return formats;
}

INSTANTIATE_TEST_SUITE_P(Formats, JitProducts,
                         testing::Combine(testing::ValuesIn(allFormats()),
                                          testing::Values(Compute::Auto, Compute::F32)),
                         [](const auto &info) {
                           return std::get<0>(info.param)->name + std::string("_") +
                                  nameOf(std::get<1>(info.param));
                         });

// Many tokens and weight rows: more than a block of each.
TEST(JitProducts, Blocks) {
  for (Compute compute : {Compute::Auto, Compute::F32}) {
    const BlockFormat &f = *findBlockFormat("q8_0");
    const Matrix m{&f, 2100, 288};
    Random random(32);
    WeightBytes weights{{"w" + m.name(), randomMatrix(f, m.n, m.k, random)}};
    const std::vector<float> w = decodeMatrix(f, weights.begin()->second);
    JitProgram::Options options = optionsFor(compute);
    options.maxRows = 530;
    JitProgram program(kParameter + programOf(m), weights, options);
    for (bool backward : {false, true}) {
      const int64_t terms = backward ? m.n : m.k;
      const Rows x = randomRows(530, terms, random);
      std::vector<Rows> is = program.run((backward ? "backward" : "forward") + m.name(), 530, {x});
      ASSERT_EQ(is.size(), 1u);
      for (int64_t r = 0; r < 530; r += 23)
        for (int64_t c = 0; c < is[0].width; ++c) {
          double sum = 0, magnitude = 0;
          for (int64_t i = 0; i < terms; ++i) {
            const double term = double(x.at(r, i)) * w[backward ? i * m.k + c : c * m.k + i];
            sum += term;
            magnitude += std::abs(term);
          }
          ASSERT_NEAR(is[0].at(r, c), sum, magnitude * relativeError(compute, terms))
              << (backward ? "backward" : "forward") << ", row " << r << ", column " << c;
        }
    }
  }
}

TEST(JitProducts, Parameters) {
  // Matrices that are wider than high, and the reverse, with padding and without.
  const std::vector<std::pair<int64_t, int64_t>> shapes{{1, 1},  {4, 64},  {64, 4}, {5, 37},
                                                        {37, 5}, {8, 200}, {9, 9}};
  std::string text;
  JitProgram::Options options;
  Random random(33);
  for (auto [a, b] : shapes) {
    absl::SubstituteAndAppend(&text, R"(
      llm.parameter @p$0x$1 : tensor<$0x$1xf32> from "p$0x$1"
      func.func @plain$0x$1(%x: tensor<?x$0xf32>) -> tensor<?x$1xf32> {
        %p = llm.get_parameter @p$0x$1 : tensor<$0x$1xf32>
        %y = llm.matmul %x, %p scale 0.5 : tensor<?x$0xf32>, tensor<$0x$1xf32> -> tensor<?x$1xf32>
        return %y : tensor<?x$1xf32>
      }
      func.func @transposed$0x$1(%x: tensor<?x$1xf32>, %r: tensor<?x$0xf32>) -> tensor<?x$0xf32> {
        %p = llm.get_parameter @p$0x$1 : tensor<$0x$1xf32>
        %y = llm.matmul %x, %p transposed scale 2.0 plus %r : tensor<?x$0xf32>
            : tensor<?x$1xf32>, tensor<$0x$1xf32> -> tensor<?x$0xf32>
        return %y : tensor<?x$0xf32>
      }
      func.func @outer$0x$1(%x: tensor<?x$0xf32>, %y: tensor<?x$1xf32>) -> tensor<?x$0xf32> {
        %g = llm.outer %x, %y scale 3.0
            : tensor<?x$0xf32>, tensor<?x$1xf32> -> tensor<$0x$1xf32>
        llm.accumulate_gradient %g into @p$0x$1 : tensor<$0x$1xf32>
        return %x : tensor<?x$0xf32>
      })",
                              a, b);
    options.parameters[absl::StrCat("p", a, "x", b)] = randomRows(a, b, random).data;
  }
  JitProgram program(text, {}, options);
  auto interpreter = program.interpreter<double>();
  for (auto [a, b] : shapes) {
    const std::string shape = absl::StrCat(a, "x", b);
    auto parameter = interpreter.parameter("p" + shape);
    ASSERT_TRUE(parameter.ok()) << parameter.status();
    const std::vector<float> &values = options.parameters["p" + shape];
    (*parameter)->value.data.assign(values.begin(), values.end());
    for (int64_t rows : {1, 4, 7, 37}) {
      SCOPED_TRACE(testing::Message() << shape << ", " << rows << " rows");
      const Rows x = randomRows(rows, a, random), y = randomRows(rows, b, random);
      for (auto [name, arguments] : {std::pair<std::string, Arguments>{"plain", {x}},
                                     {"transposed", {y, x}},
                                     {"outer", {x, y}}}) {
        std::vector<Rows> is = program.run(name + shape, rows, arguments);
        std::vector<TensorRef<double>> expected = interpret(interpreter, name + shape, arguments);
        ASSERT_EQ(is.size(), 1u);
        expectRows(is[0], *expected[0],
                   [&, n = double(std::max(a, b))](int64_t, int64_t) { return 3e-7 * n; });
      }
      expectRows(program.gradient("p" + shape), (*parameter)->gradient,
                 [&](int64_t, int64_t) { return 3e-5; });
    }
  }
}

TEST(JitProducts, CrossEntropy) {
  for (Compute compute : {Compute::Auto, Compute::F32}) {
    constexpr int64_t kVocabulary = 4096 + 37; // more than exists at a time
    constexpr int64_t kRank = 5;
    const BlockFormat &f = *findBlockFormat("q8_0");
    Random random(34);
    WeightBytes weights{{"w", randomMatrix(f, kVocabulary, 96, random)}};
    JitProgram::Options options = optionsFor(compute);
    options.parameters["b"] = randomRows(kVocabulary, kRank, random).data;
    JitProgram program(absl::StrCat(kParameter, R"(
      llm.parameter @b : tensor<4133x5xf32> from "b"
      llm.weight @w : tensor<4133x96x!llm.block<q8_0>> from "w"
      func.func @loss(%x: tensor<?x96xf32>, %t: tensor<?xi32>, %d: tensor<?x1xf32>)
          -> (tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x96xf32>) {
        %w = llm.get_weight @w : tensor<4133x96x!llm.block<q8_0>>
        %losses, %l = llm.linear_cross_entropy %x, %w, %t
            : (tensor<?x96xf32>, tensor<4133x96x!llm.block<q8_0>>, tensor<?xi32>)
            -> (tensor<?x1xf32>, tensor<?x1xf32>)
        %dx = llm.linear_cross_entropy_adjoint %d, %x, %w, %t, %l
            : (tensor<?x1xf32>, tensor<?x96xf32>, tensor<4133x96x!llm.block<q8_0>>, tensor<?xi32>,
               tensor<?x1xf32>) -> tensor<?x96xf32>
        return %losses, %l, %dx : tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x96xf32>
      }
      func.func @adapted(%x: tensor<?x96xf32>, %t: tensor<?xi32>, %d: tensor<?x1xf32>,
                         %u: tensor<?x5xf32>)
          -> (tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x96xf32>, tensor<?x5xf32>) {
        %w = llm.get_weight @w : tensor<4133x96x!llm.block<q8_0>>
        %b = llm.get_parameter @b : tensor<4133x5xf32>
        %losses, %l = llm.linear_cross_entropy %x, %w, %t adapter(%u, %b)
            : (tensor<?x96xf32>, tensor<4133x96x!llm.block<q8_0>>, tensor<?xi32>, tensor<?x5xf32>,
               tensor<4133x5xf32>) -> (tensor<?x1xf32>, tensor<?x1xf32>)
        %dx, %du, %db = llm.linear_cross_entropy_adjoint %d, %x, %w, %t, %l adapter(%u, %b)
            : (tensor<?x1xf32>, tensor<?x96xf32>, tensor<4133x96x!llm.block<q8_0>>, tensor<?xi32>,
               tensor<?x1xf32>, tensor<?x5xf32>, tensor<4133x5xf32>)
            -> (tensor<?x96xf32>, tensor<?x5xf32>, tensor<4133x5xf32>)
        llm.accumulate_gradient %db into @b : tensor<4133x5xf32>
        return %losses, %l, %dx, %du
            : tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x96xf32>, tensor<?x5xf32>
      })"),
                       weights, options);
    auto interpreter = program.interpreter<double>();
    auto parameter = interpreter.parameter("b");
    ASSERT_TRUE(parameter.ok()) << parameter.status();
    const std::vector<float> &values = options.parameters["b"];
    (*parameter)->value.data.assign(values.begin(), values.end());
    const double error = compute == Compute::F32 ? 4e-6 : 3e-4; // logits of about 10
    for (int64_t rows : {1, 6, 37}) {
      Rows x = randomRows(rows, 96, random);
      for (float &v : x.data)
        v *= 6; // logits of up to about 10
      std::vector<int32_t> targets;
      for (int64_t r = 0; r < rows; ++r)
        targets.push_back(r % 5 == 4 ? -1 : static_cast<int32_t>(random.bits() % kVocabulary));
      targets[0] = kVocabulary - 1;
      Arguments arguments{x, targets, randomRows(rows, 1, random)};
      for (const char *function : {"loss", "adapted"}) {
        if (function == std::string("adapted"))
          arguments.push_back(randomRows(rows, kRank, random));
        SCOPED_TRACE(testing::Message() << function << ", " << rows << " rows");
        std::vector<Rows> is = program.run(function, rows, arguments);
        std::vector<TensorRef<double>> expected = interpret(interpreter, function, arguments);
        ASSERT_EQ(is.size(), expected.size());
        for (size_t i = 0; i < is.size(); ++i)
          expectRows(is[i], *expected[i], [&](int64_t r, int64_t c) {
            return error * (1 + 0.1 * std::abs(expected[i]->row(r)[c]));
          });
      }
    }
    expectRows(program.gradient("b"), (*parameter)->gradient,
               [&](int64_t, int64_t) { return error; });
  }
}

} // namespace
} // namespace llmc
