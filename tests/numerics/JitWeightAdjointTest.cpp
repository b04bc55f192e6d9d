// Weights that are trained themselves, and their gradients: compiled code against the interpreter.
#include "absl/strings/substitute.h"
#include "tests/numerics/TestData.h"

namespace llmc {
namespace {

// Sums of up to some thousand products of numbers below 1 in f32.
constexpr double kTolerance = 4000 * 0x1p-24;

// Runs `function`, which returns rows, and compares its results and the gradients of `parameters`.
void check(JitProgram &program, Interpreter<double> &interpreter, const std::string &function,
           int64_t rows, const Arguments &arguments, const std::vector<std::string> &parameters) {
  SCOPED_TRACE(testing::Message() << function << ", " << rows << " rows");
  std::vector<Rows> is = program.run(function, rows, arguments);
  std::vector<TensorRef<double>> expected = interpret(interpreter, function, arguments);
  ASSERT_EQ(is.size(), expected.size());
  auto tolerance = [](int64_t, int64_t) { return kTolerance; };
  for (size_t i = 0; i < is.size(); ++i)
    expectRows(is[i], *expected[i], tolerance);
  for (const std::string &name : parameters) {
    SCOPED_TRACE(name);
    auto parameter = interpreter.parameter(name);
    ASSERT_TRUE(parameter.ok()) << parameter.status();
    TensorValue<double> gradient = (*parameter)->gradient;
    if (gradient.shape.size() == 1)
      gradient.shape.insert(gradient.shape.begin(), 1);
    expectRows(program.gradient(name), gradient, tolerance);
  }
}

// Both have the same values.
void setParameters(Interpreter<double> &interpreter, const JitProgram::Options &options) {
  for (const auto &[name, values] : options.parameters) {
    auto parameter = interpreter.parameter(name);
    ASSERT_TRUE(parameter.ok()) << parameter.status();
    (*parameter)->value.data.assign(values.begin(), values.end());
  }
}

TEST(JitWeightAdjoint, Linear) {
  // Rows and columns around groups of 16, pairs of them, and tiles of columns.
  const std::vector<std::pair<int64_t, int64_t>> shapes{{1, 1},   {16, 12},  {17, 20}, {32, 96},
                                                        {48, 97}, {70, 300}, {95, 13}};
  Random random(41);
  std::string text;
  JitProgram::Options options;
  for (auto [n, k] : shapes) {
    const std::string name = absl::StrCat(n, "x", k);
    absl::SubstituteAndAppend(&text, R"(
      llm.parameter @w$0 : tensor<$0xf32> from "w$0"
      llm.parameter @b$0 : tensor<$1xf32> from "b$0"
      func.func @linear$0(%x: tensor<?x$2xf32>, %dy: tensor<?x$1xf32>)
          -> (tensor<?x$1xf32>, tensor<?x$2xf32>) {
        %w = llm.get_parameter @w$0 : tensor<$0xf32>
        %b = llm.get_parameter @b$0 : tensor<$1xf32>
        %y = llm.linear %x, %w bias %b : tensor<$1xf32>
            : tensor<?x$2xf32>, tensor<$0xf32> -> tensor<?x$1xf32>
        %dx = llm.linear_transposed %dy, %w : tensor<?x$1xf32>, tensor<$0xf32> -> tensor<?x$2xf32>
        %dw = llm.outer %dy, %x : tensor<?x$1xf32>, tensor<?x$2xf32> -> tensor<$0xf32>
        llm.accumulate_gradient %dw into @w$0 : tensor<$0xf32>
        %db = llm.sum_rows %dy : tensor<?x$1xf32> -> tensor<$1xf32>
        llm.accumulate_gradient %db into @b$0 : tensor<$1xf32>
        return %y, %dx : tensor<?x$1xf32>, tensor<?x$2xf32>
      })",
                              name, n, k);
    options.parameters["w" + name] = randomRows(n, k, random).data;
    options.parameters["b" + name] = randomRows(1, n, random).data;
  }
  options.phases.compute = PhaseOptions::Compute::F32;
  JitProgram program(text, {}, options);
  auto interpreter = program.interpreter<double>();
  setParameters(interpreter, options);
  for (auto [n, k] : shapes) {
    const std::string name = absl::StrCat(n, "x", k);
    for (int64_t rows : {1, 3, 37, 200})
      check(program, interpreter, "linear" + name, rows,
            {randomRows(rows, k, random), randomRows(rows, n, random)}, {"w" + name, "b" + name});
  }
}

TEST(JitWeightAdjoint, Norms) {
  // Heads, and elements of each.
  const std::vector<std::pair<int64_t, int64_t>> shapes{{1, 1}, {1, 20}, {3, 5}, {2, 16}, {1, 100}};
  Random random(42);
  std::string text;
  JitProgram::Options options;
  for (auto [heads, length] : shapes) {
    const std::string name = absl::StrCat(heads, ".", length);
    absl::SubstituteAndAppend(&text, R"(
      llm.parameter @"w$0" : tensor<$1xf32> from "w$0"
      llm.parameter @"v$0" : tensor<$2xf32> from "v$0"
      func.func @"norm$0"(%x: tensor<?x$2xf32>, %dy: tensor<?x$2xf32>)
          -> (tensor<?x$2xf32>, tensor<?x$2xf32>) {
        %w = llm.get_parameter @"w$0" : tensor<$1xf32>
        %v = llm.get_parameter @"v$0" : tensor<$2xf32>
        %dx = llm.rms_norm_adjoint %dy, %x, %w eps 0.25 : tensor<?x$2xf32>, tensor<$1xf32>
        %dw = llm.rms_norm_weight_adjoint %dy, %x eps 0.25 : tensor<?x$2xf32> -> tensor<$1xf32>
        llm.accumulate_gradient %dw into @"w$0" : tensor<$1xf32>
        %dz = llm.layer_norm_adjoint %dy, %x, %v eps 0.25 : tensor<?x$2xf32>, tensor<$2xf32>
        %dv = llm.layer_norm_weight_adjoint %dy, %x eps 0.25 : tensor<?x$2xf32> -> tensor<$2xf32>
        llm.accumulate_gradient %dv into @"v$0" : tensor<$2xf32>
        return %dx, %dz : tensor<?x$2xf32>, tensor<?x$2xf32>
      })",
                              name, length, heads * length);
    options.parameters["w" + name] = randomRows(1, length, random).data;
    options.parameters["v" + name] = randomRows(1, heads * length, random).data;
  }
  JitProgram program(text, {}, options);
  auto interpreter = program.interpreter<double>();
  setParameters(interpreter, options);
  for (auto [heads, length] : shapes) {
    const std::string name = absl::StrCat(heads, ".", length);
    for (int64_t rows : {1, 2, 37})
      check(program, interpreter, "norm" + name, rows,
            {randomRows(rows, heads * length, random), randomRows(rows, heads * length, random)},
            {"w" + name, "v" + name});
  }
}

// DoRA: norms of adapted rows, the scaling by them, and the derivative by the magnitudes.
TEST(JitWeightAdjoint, ScaledColumns) {
  struct Case {
    const char *format;
    int64_t n, k, rank;
  };
  const std::vector<Case> cases{{"f32", 17, 20, 1},    {"f16", 70, 300, 9}, {"q8_0", 40, 96, 8},
                                {"q4_K", 48, 512, 16}, {"f32", 33, 25, 24}};
  Random random(44);
  std::string text;
  JitProgram::Options options;
  WeightBytes weights;
  for (const Case &c : cases) {
    const BlockFormat &format = *findBlockFormat(c.format);
    const std::string name = absl::StrCat(c.format, c.n);
    const std::string element =
        format.weights == 1 ? c.format : absl::StrCat("!llm.block<", c.format, ">");
    absl::SubstituteAndAppend(&text, R"(
      llm.weight @w$0 : tensor<$1x$2x$4> from "w$0"
      llm.weight @bias$0 : tensor<$1xf32> from "bias$0"
      llm.parameter @a$0 : tensor<$3x$2xf32> from "a$0"
      llm.parameter @b$0 : tensor<$1x$3xf32> from "b$0"
      llm.parameter @m$0 : tensor<$1xf32> from "m$0"
      func.func @scaled$0(%x: tensor<?x$1xf32>, %dy: tensor<?x$1xf32>)
          -> (tensor<?x$1xf32>, tensor<?x$1xf32>) {
        %w = llm.get_weight @w$0 : tensor<$1x$2x$4>
        %bias = llm.get_weight @bias$0 : tensor<$1xf32>
        %a = llm.get_parameter @a$0 : tensor<$3x$2xf32>
        %b = llm.get_parameter @b$0 : tensor<$1x$3xf32>
        %m = llm.get_parameter @m$0 : tensor<$1xf32>
        %n = llm.row_norms %w, %a, %b scale 0.5
            : tensor<$1x$2x$4>, tensor<$3x$2xf32>, tensor<$1x$3xf32> -> tensor<$1xf32>
        %y = llm.scale_columns %x by %m over %n : tensor<?x$1xf32>, tensor<$1xf32>
        %z = llm.scale_columns %x by %m over %n plus %bias : tensor<$1xf32>
            : tensor<?x$1xf32>, tensor<$1xf32>
        %p = llm.mul %x, %dy : tensor<?x$1xf32>
        %dm = llm.sum_rows %p over %n : tensor<$1xf32> : tensor<?x$1xf32> -> tensor<$1xf32>
        llm.accumulate_gradient %dm into @m$0 : tensor<$1xf32>
        return %y, %z : tensor<?x$1xf32>, tensor<?x$1xf32>
      })",
                              name, c.n, c.k, c.rank, element);
    weights["w" + name] = randomMatrix(format, c.n, c.k, random);
    weights["bias" + name] = floatBytes(randomRows(1, c.n, random).data);
    options.parameters["a" + name] = randomRows(c.rank, c.k, random).data;
    options.parameters["b" + name] = randomRows(c.n, c.rank, random).data;
    options.parameters["m" + name] = randomRows(1, c.n, random).data;
  }
  JitProgram program(text, weights, options);
  auto interpreter = program.interpreter<double>();
  setParameters(interpreter, options);
  for (const Case &c : cases) {
    const std::string name = absl::StrCat(c.format, c.n);
    for (int64_t rows : {1, 2, 37})
      check(program, interpreter, "scaled" + name, rows,
            {randomRows(rows, c.n, random), randomRows(rows, c.n, random)}, {"m" + name});
  }
}

TEST(JitWeightAdjoint, CrossEntropy) {
  // More than a slice of the vocabulary, and a rest of a group behind it.
  const int64_t vocabulary = 4100, width = 20;
  Random random(43);
  JitProgram::Options options;
  options.phases.compute = PhaseOptions::Compute::F32;
  options.parameters["w"] = randomRows(vocabulary, width, random).data;
  JitProgram program(absl::Substitute(R"(
    llm.parameter @w : tensor<$0x$1xf32> from "w"
    func.func @loss(%x: tensor<?x$1xf32>, %t: tensor<?xi32>, %dl: tensor<?x1xf32>)
        -> (tensor<?x1xf32>, tensor<?x$1xf32>) {
      %w = llm.get_parameter @w : tensor<$0x$1xf32>
      %y, %l = llm.linear_cross_entropy %x, %w, %t
          : (tensor<?x$1xf32>, tensor<$0x$1xf32>, tensor<?xi32>) -> (tensor<?x1xf32>, tensor<?x1xf32>)
      %dx, %dw = llm.linear_cross_entropy_adjoint %dl, %x, %w, %t, %l
          : (tensor<?x1xf32>, tensor<?x$1xf32>, tensor<$0x$1xf32>, tensor<?xi32>, tensor<?x1xf32>)
          -> (tensor<?x$1xf32>, tensor<$0x$1xf32>)
      llm.accumulate_gradient %dw into @w : tensor<$0x$1xf32>
      return %y, %dx : tensor<?x1xf32>, tensor<?x$1xf32>
    })",
                                      vocabulary, width),
                     {}, options);
  auto interpreter = program.interpreter<double>();
  setParameters(interpreter, options);
  for (int64_t rows : {1, 19}) {
    std::vector<int32_t> targets{int32_t(vocabulary - 1)};
    while (int64_t(targets.size()) < rows)
      targets.push_back(int32_t(random.bits() % vocabulary) - int32_t(targets.size() % 2));
    check(program, interpreter, "loss", rows,
          {randomRows(rows, width, random), targets, randomRows(rows, 1, random)}, {"w"});
  }
}

} // namespace
} // namespace llmc
