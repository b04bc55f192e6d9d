#include "tests/numerics/LinearProgram.h"
#include "absl/strings/str_join.h"
#include "absl/strings/substitute.h"
#include <cmath>
#include <numbers>

namespace llmc {
namespace {

// Half a unit in the last place of 1 in f32: the relative error of one operation.
constexpr double kUlp = 0x1p-24;
// A sum of terms is wrong by at most kUlp times the number of operations on the way, times the sum
// of the terms' magnitudes; the operations' errors have different signs, so far less is enough.
constexpr double kSum = 8 * kUlp;

std::string rowsType(int64_t width) { return absl::Substitute("tensor<?x$0xf32>", width); }
std::string matrixType(const BlockFormat &format, int64_t n, int64_t k) {
  return absl::Substitute("tensor<$0x$1x$2>", n, k, elementType(format));
}
std::string vectorType(int64_t size) { return absl::Substitute("tensor<$0xf32>", size); }
std::string weightName(const LinearCase &c, absl::string_view what, size_t i) {
  return absl::StrCat(c.name, ".", what, i);
}

bool isFloat(const Product &p) { return p.format->weights == 1; }

// What programs are written for.
enum class Reader { Compiler, Oracle, MatrixUnitOracle };

// The type of a weight: the matrix unit's oracle has no block formats.
std::string matrixType(const Product &p, int64_t k, Reader reader) {
  const bool decoded = reader == Reader::MatrixUnitOracle && !isFloat(p);
  return matrixType(decoded ? *findBlockFormat("f32") : *p.format, p.n, k);
}

std::string declarations(const LinearCase &c, Reader reader) {
  std::string text;
  auto declare = [&](const std::string &name, const std::string &type) {
    absl::SubstituteAndAppend(&text, "llm.weight @$0 : $1 from \"$0\"\n", name, type);
  };
  for (size_t i = 0; i < c.products.size(); ++i) {
    declare(weightName(c, "w", i), matrixType(c.products[i], c.k, reader));
    if (c.products[i].bias)
      declare(weightName(c, "b", i), vectorType(c.products[i].n));
  }
  if (c.norm)
    declare(weightName(c, "norm", 0), vectorType(c.k));
  return text;
}

// The function on `llm` operations as an importer writes them. For an oracle, there is no norm, and
// products with block formats take the parameter %xq.
std::string function(const LinearCase &c, Reader reader) {
  const bool oracle = reader != Reader::Compiler;
  const std::string x = rowsType(c.k), y = rowsType(c.products[0].n);
  std::string parameters = "%x: " + x, body;
  if (oracle)
    parameters += ", %xq: " + x;
  if (c.residual)
    parameters += ", %r: " + y;
  auto get = [&](const std::string &value, const std::string &name, const std::string &type) {
    absl::SubstituteAndAppend(&body, "  $0 = llm.get_weight @$1 : $2\n", value, name, type);
  };
  std::string input = "%x";
  if (c.norm && !oracle) {
    get("%n", weightName(c, "norm", 0), vectorType(c.k));
    absl::SubstituteAndAppend(&body, "  %xn = llm.rms_norm %x, %n eps 1.0e-05 : $0, $1\n", x,
                              vectorType(c.k));
    input = "%xn";
  }
  std::vector<std::string> results, types;
  for (size_t i = 0; i < c.products.size(); ++i) {
    const Product &p = c.products[i];
    const std::string w = absl::StrCat("%w", i), b = absl::StrCat("%b", i),
                      v = absl::StrCat("%y", i);
    get(w, weightName(c, "w", i), matrixType(p, c.k, reader));
    std::string bias;
    if (p.bias) {
      get(b, weightName(c, "b", i), vectorType(p.n));
      bias = absl::Substitute(" bias $0 : $1", b, vectorType(p.n));
    }
    absl::SubstituteAndAppend(&body, "  $0 = llm.linear $1, $2$3 : $4, $5 -> $6\n", v,
                              oracle && !isFloat(p) ? "%xq" : input, w, bias, x,
                              matrixType(p, c.k, reader), rowsType(p.n));
    results.push_back(v);
    types.push_back(rowsType(p.n));
  }
  if (c.residual) {
    absl::SubstituteAndAppend(&body, "  %sum = llm.add %r, %y0 : $0\n", y);
    results = {"%sum"};
  }
  // The oracle yields the products, so that their errors can be told apart.
  if (c.activation && !oracle) {
    if (absl::string_view(c.activation) == "swiglu")
      absl::SubstituteAndAppend(&body, "  %a = llm.silu %y0 : $0\n  %u = llm.mul %a, %y1 : $0\n",
                                y);
    else
      absl::SubstituteAndAppend(&body, "  %u = llm.$1 $2 : $0\n", y, c.activation,
                                absl::StrJoin(results, ", "));
    results = {"%u"};
    types = {y};
  }
  return absl::Substitute("func.func @$0($1) -> ($2) {\n$3  return $4 : $2\n}\n", c.name,
                          parameters, absl::StrJoin(types, ", "), body,
                          absl::StrJoin(results, ", "));
}

double silu(double x) { return x / (1 + std::exp(-x)); }
double gelu(double x) {
  return x / 2 * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
}

} // namespace

LinearProgram::LinearProgram(std::vector<LinearCase> cases, JitProgram::Options options)
    : cases_(std::move(cases)) {
  std::string jit, oracle, matrixUnitOracle;
  auto add = [](std::string &text, const LinearCase &c, Reader reader) {
    text += declarations(c, reader) + function(c, reader);
  };
  for (const LinearCase &c : cases_) {
    add(jit, c, Reader::Compiler);
    add(oracle, c, Reader::Oracle);
    add(matrixUnitOracle, c, Reader::MatrixUnitOracle);
    for (size_t i = 0; i < c.products.size(); ++i) {
      const Product &p = c.products[i];
      weights_[weightName(c, "w", i)] = randomMatrix(*p.format, p.n, c.k, random_);
      if (p.bias)
        weights_[weightName(c, "b", i)] = randomVector(p.n, -1, 1, random_);
    }
    if (c.norm)
      weights_[weightName(c, "norm", 0)] = randomVector(c.k, 0.5, 1.5, random_);
  }
  jit_ = std::make_unique<JitProgram>(jit, weights_, options);
  oracle_ = std::make_unique<ParsedProgram>(oracle, weights_);
  WeightBytes rounded = weights_;
  for (const LinearCase &c : cases_)
    for (size_t i = 0; i < c.products.size(); ++i)
      if (!isFloat(c.products[i]))
        rounded[weightName(c, "w", i)] = floatBytes(
            roundWeights(decodeMatrix(*c.products[i].format, weights_[weightName(c, "w", i)])));
  matrixUnitOracle_ = std::make_unique<ParsedProgram>(matrixUnitOracle, rounded);
}

TensorValue<double> LinearProgram::normalized(const LinearCase &c, const Rows &input) {
  TensorValue<double> x{{input.count, input.width}, {input.data.begin(), input.data.end()}};
  if (!c.norm)
    return x;
  std::vector<float> weight =
      decodeMatrix(*findBlockFormat("f32"), weights_.at(weightName(c, "norm", 0)));
  TensorValue<double> w{{c.k}, {weight.begin(), weight.end()}};
  return *reference::rmsNorm(x, w, static_cast<double>(1.0e-05f));
}

Rows LinearProgram::makeInput(const LinearCase &c, int64_t rows) {
  Rows input{rows, c.k, {}};
  for (int64_t r = 0; r < rows; ++r) {
    Rows row;
    do {
      row = randomRows(1, c.k, random_);
      // Tokens differ in size, and one block of the second token has nothing in it.
      for (float &x : row.data)
        x *= 1 + static_cast<float>(r % 7);
      if (r == 1)
        std::fill_n(row.data.begin(), std::min<int64_t>(c.k, 32), 0.0f);
    } while (c.norm && distanceToTie(normalized(c, row).row(0), usesMatrixUnit(rows)) < 1);
    input.data.insert(input.data.end(), row.data.begin(), row.data.end());
  }
  return input;
}

std::vector<double> LinearProgram::sumBounds(const LinearCase &c, size_t product,
                                             const TensorValue<double> &input) {
  const Product &p = c.products[product];
  std::vector<float> weights = decodeMatrix(*p.format, weights_.at(weightName(c, "w", product)));
  std::vector<double> bounds;
  for (int64_t r = 0; r < input.rows(); ++r)
    for (int64_t n = 0; n < p.n; ++n) {
      double sum = p.bias ? 1 : 0; // a bias is at most 1
      for (int64_t k = 0; k < c.k; ++k)
        sum += std::abs(input.row(r)[k] * weights[n * c.k + k]);
      bounds.push_back(kSum * sum);
    }
  return bounds;
}

void LinearProgram::checkCase(const LinearCase &c, int64_t rows) {
  SCOPED_TRACE(testing::Message() << c.name << ", " << rows << " rows");
  Rows input = makeInput(c, rows);
  Arguments arguments{input};
  TensorValue<double> exact = normalized(c, input);
  TensorValue<double> quantized =
      usesMatrixUnit(rows) ? roundActivations(exact) : quantizeActivations(exact);
  std::vector<InterpreterValue<double>> oracleArguments{
      makeTensor<double>(exact.shape, exact.data), makeTensor<double>(exact.shape, quantized.data)};
  Rows residual;
  if (c.residual) {
    residual = randomRows(rows, c.products[0].n, random_);
    arguments.push_back(residual);
    oracleArguments.push_back(interpreterArguments<double>({residual})[0]);
  }
  std::vector<Rows> is = jit_->run(c.name, rows, arguments);
  auto interpreter = (usesMatrixUnit(rows) ? matrixUnitOracle_ : oracle_)->interpreter<double>();
  auto called = interpreter.call(c.name, oracleArguments);
  ASSERT_TRUE(called.ok()) << called.status();
  std::vector<TensorValue<double>> expected;
  std::vector<std::vector<double>> bounds;
  for (size_t i = 0; i < c.products.size(); ++i) {
    expected.push_back(*std::get<TensorRef<double>>((*called)[i]));
    bounds.push_back(sumBounds(c, i, isFloat(c.products[i]) ? exact : quantized));
  }
  ASSERT_EQ(is.size(), c.activation ? 1 : c.products.size());
  if (c.activation) {
    const bool gated = c.products.size() == 2;
    const auto function = absl::string_view(c.activation) == "swiglu" ? silu : gelu;
    // The functions have slopes of at most 1.13; their own error is a few ulp, and of gelu some
    // more for what the argument of exp is rounded by.
    TensorValue<double> result = expected[0];
    std::vector<double> bound(result.data.size());
    for (size_t i = 0; i < bound.size(); ++i) {
      double gate = function(expected[0].data[i]), up = gated ? expected[1].data[i] : 1;
      double upBound = gated ? bounds[1][i] : 0, x = std::abs(expected[0].data[i]);
      double argument = function == gelu ? std::min(1.6 * x * (1 + 0.045 * x * x), 90.0) : 0;
      result.data[i] = gate * up;
      bound[i] = 1.13 * bounds[0][i] * (std::abs(up) + upBound) + std::abs(gate) * upBound +
                 (8 + 4 * argument) * kUlp * std::abs(gate * up);
    }
    expected = {result};
    bounds = {bound};
  }
  for (size_t i = 0; i < is.size(); ++i) {
    SCOPED_TRACE(testing::Message() << "product " << i);
    expectRows(is[i], expected[i], [&](int64_t r, int64_t column) {
      double own = c.residual ? std::abs(residual.at(r, column)) * kUlp : 0;
      return bounds[i][r * is[i].width + column] + own + 1e-30;
    });
  }
}

void LinearProgram::check(const std::vector<int64_t> &rowCounts) {
  for (int64_t rows : rowCounts)
    for (const LinearCase &c : cases_) {
      checkCase(c, rows);
      if (testing::Test::HasFatalFailure())
        return;
    }
}

} // namespace llmc
