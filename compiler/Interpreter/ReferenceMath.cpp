#include "compiler/Interpreter/ReferenceMath.h"
#include "absl/strings/str_cat.h"
#include "compiler/Interpreter/Status.h"
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

namespace llmc::reference {
namespace {

absl::Status mismatch(absl::string_view what, std::span<const int64_t> is,
                      std::span<const int64_t> expected) {
  return absl::InvalidArgumentError(
      absl::StrCat(what, " is ", shapeText(is), ", expected ", shapeText(expected)));
}

template <class Real>
absl::Status expectShape(absl::string_view what, const TensorValue<Real> &tensor,
                         std::vector<int64_t> expected) {
  return tensor.shape == expected ? absl::OkStatus() : mismatch(what, tensor.shape, expected);
}

template <class Real, class Function>
Result<Real> elementwise(const TensorValue<Real> &a, const TensorValue<Real> &b,
                         Function function) {
  LLMC_RETURN_IF_ERROR(expectShape("the right-hand side", b, a.shape));
  TensorValue<Real> result = a;
  for (size_t i = 0; i < result.data.size(); ++i)
    result.data[i] = function(a.data[i], b.data[i]);
  return result;
}

template <class Real>
Real siluOf(Real x) {
  return x / (1 + std::exp(-x));
}

template <class Real>
Real geluOf(Real x) {
  // (1 + tanh(u)) / 2 is 1 / (1 + exp(-2 u)), which also has digits where tanh(u) is near -1.
  const Real slope = static_cast<Real>(2 * std::sqrt(2 / std::numbers::pi));
  return x / (1 + std::exp(-slope * (x + static_cast<Real>(0.044715) * x * x * x)));
}

template <class Real>
Real dot(std::span<const Real> a, std::span<const Real> b) {
  Real sum = 0;
  for (size_t i = 0; i < a.size(); ++i)
    sum += a[i] * b[i];
  return sum;
}

} // namespace

template <class Real>
Result<Real> embed(std::span<const int32_t> tokens, const TensorValue<Real> &weight) {
  LLMC_ASSIGN_OR_RETURN(
      TensorValue<Real> result,
      allocateTensor<Real>({static_cast<int64_t>(tokens.size()), weight.columns()}));
  for (size_t t = 0; t < tokens.size(); ++t) {
    if (tokens[t] < 0 || tokens[t] >= weight.rows())
      return absl::InvalidArgumentError(absl::StrCat(
          "token ", tokens[t], " at ", t, " is outside the vocabulary of ", weight.rows()));
    std::ranges::copy(weight.row(tokens[t]), result.row(t).begin());
  }
  return result;
}

template <class Real>
Result<Real> rmsNorm(const TensorValue<Real> &x, const TensorValue<Real> &weight, double eps) {
  LLMC_ASSIGN_OR_RETURN(const int64_t head, headLength(weight, x));
  TensorValue<Real> result = x;
  for (int64_t t = 0; t < x.rows(); ++t)
    for (int64_t first = 0; first < x.columns(); first += head) {
      std::span<Real> row = result.row(t).subspan(first, head);
      Real mean = dot<Real>(row, row) / static_cast<Real>(head);
      Real root = std::sqrt(mean + static_cast<Real>(eps));
      for (int64_t i = 0; i < head; ++i)
        row[i] = row[i] / root * weight.data[i];
    }
  return result;
}

template <class Real>
Result<Real> layerNorm(const TensorValue<Real> &x, const TensorValue<Real> &weight,
                       const TensorValue<Real> &bias, double eps) {
  LLMC_RETURN_IF_ERROR(expectShape("the norm's weight", weight, {x.columns()}));
  LLMC_RETURN_IF_ERROR(expectShape("the norm's bias", bias, {x.columns()}));
  TensorValue<Real> result = x;
  const Real count = static_cast<Real>(x.columns());
  for (int64_t t = 0; t < x.rows(); ++t) {
    std::span<Real> row = result.row(t);
    Real mean = std::accumulate(row.begin(), row.end(), Real(0)) / count;
    for (Real &v : row)
      v -= mean;
    Real root = std::sqrt(dot<Real>(row, row) / count + static_cast<Real>(eps));
    for (size_t i = 0; i < row.size(); ++i)
      row[i] = row[i] / root * weight.data[i] + bias.data[i];
  }
  return result;
}

template <class Real>
Result<Real> linear(const TensorValue<Real> &x, const TensorValue<Real> &weight,
                    const TensorValue<Real> *bias) {
  LLMC_RETURN_IF_ERROR(expectShape("the weight", weight, {weight.rows(), x.columns()}));
  if (bias)
    LLMC_RETURN_IF_ERROR(expectShape("the bias", *bias, {weight.rows()}));
  LLMC_ASSIGN_OR_RETURN(TensorValue<Real> result, allocateTensor<Real>({x.rows(), weight.rows()}));
  for (int64_t t = 0; t < x.rows(); ++t)
    for (int64_t n = 0; n < weight.rows(); ++n)
      result.row(t)[n] = dot(x.row(t), weight.row(n)) + (bias ? bias->data[n] : Real(0));
  return result;
}

template <class Real>
Result<Real> add(const TensorValue<Real> &a, const TensorValue<Real> &b) {
  return elementwise(a, b, [](Real x, Real y) { return x + y; });
}

template <class Real>
Result<Real> mul(const TensorValue<Real> &a, const TensorValue<Real> &b) {
  return elementwise(a, b, [](Real x, Real y) { return x * y; });
}

template <class Real>
TensorValue<Real> silu(const TensorValue<Real> &x) {
  TensorValue<Real> result = x;
  for (Real &v : result.data)
    v = siluOf(v);
  return result;
}

template <class Real>
Result<Real> swiglu(const TensorValue<Real> &gate, const TensorValue<Real> &up) {
  return elementwise(gate, up, [](Real g, Real u) { return siluOf(g) * u; });
}

template <class Real>
TensorValue<Real> gelu(const TensorValue<Real> &x) {
  TensorValue<Real> result = x;
  for (Real &v : result.data)
    v = geluOf(v);
  return result;
}

template <class Real>
Result<Real> geglu(const TensorValue<Real> &gate, const TensorValue<Real> &up) {
  return elementwise(gate, up, [](Real g, Real u) { return geluOf(g) * u; });
}

template <class Real>
TensorValue<Real> scale(const TensorValue<Real> &x, double factor) {
  TensorValue<Real> result = x;
  for (Real &v : result.data)
    v *= static_cast<Real>(factor);
  return result;
}

template <class Real>
TensorValue<Real> softcap(const TensorValue<Real> &x, double cap) {
  TensorValue<Real> result = x;
  for (Real &v : result.data)
    v = static_cast<Real>(cap) * std::tanh(v / static_cast<Real>(cap));
  return result;
}

absl::StatusOr<int64_t> endOfStep(int64_t start, int64_t rows) {
  int64_t end = 0;
  if (start < 0 || __builtin_add_overflow(start, rows, &end))
    return absl::InvalidArgumentError(
        absl::StrCat("a step of ", rows, " tokens cannot start at position ", start));
  return end;
}

template <class Real>
Result<Real> ropeTable(const RopeParameters &parameters, const TensorValue<Real> *factors,
                       int64_t start, int64_t rows, int64_t sequence) {
  LLMC_RETURN_IF_ERROR(endOfStep(start, rows).status());
  LLMC_ASSIGN_OR_RETURN(TensorValue<Real> result, allocateTensor<Real>({rows, parameters.dims}));
  if (factors)
    LLMC_RETURN_IF_ERROR(expectShape("the factors' tensor", *factors, {parameters.dims / 2}));
  RopeFrequencies rope = ropeFrequencies(parameters);
  for (int64_t t = 0; t < rows; ++t)
    for (int64_t i = 0; i < parameters.dims / 2; ++i) {
      double angle =
          static_cast<double>(start + (sequence ? t % sequence : t)) * rope.frequencies[i];
      if (factors)
        angle /= static_cast<double>(factors->data[i]);
      result.row(t)[2 * i] = static_cast<Real>(std::cos(angle) * rope.magnitude);
      result.row(t)[2 * i + 1] = static_cast<Real>(std::sin(angle) * rope.magnitude);
    }
  return result;
}

template <class Real>
Result<Real> rope(const TensorValue<Real> &x, const TensorValue<Real> &table, int64_t headDim,
                  bool halves) {
  LLMC_RETURN_IF_ERROR(expectShape("the rotary table", table, {x.rows(), table.columns()}));
  if (table.columns() % 2 != 0 || table.columns() > headDim || x.columns() % headDim != 0)
    return absl::InvalidArgumentError(absl::StrCat("a table of ", table.columns(),
                                                   " columns cannot rotate heads of ", headDim,
                                                   " in rows of ", x.columns()));
  TensorValue<Real> result = x;
  for (int64_t t = 0; t < x.rows(); ++t)
    for (int64_t head = 0; head < x.columns(); head += headDim)
      for (int64_t i = 0; i < table.columns() / 2; ++i) {
        Real cosine = table.row(t)[2 * i], sine = table.row(t)[2 * i + 1];
        const int64_t first = head + (halves ? i : 2 * i);
        const int64_t second = first + (halves ? table.columns() / 2 : 1);
        Real a = x.row(t)[first], b = x.row(t)[second];
        result.row(t)[first] = a * cosine - b * sine;
        result.row(t)[second] = a * sine + b * cosine;
      }
  return result;
}

template <class Real>
Result<Real> attention(const TensorValue<Real> &query, const AttentionShape &shape,
                       std::function<absl::StatusOr<const CacheEntry<Real> *>(int64_t)> entry) {
  LLMC_RETURN_IF_ERROR(endOfStep(shape.start, query.rows()).status());
  int64_t heads = query.columns() / shape.key;
  LLMC_ASSIGN_OR_RETURN(TensorValue<Real> result,
                        allocateTensor<Real>({query.rows(), heads * shape.value}));
  for (int64_t t = 0; t < query.rows(); ++t) {
    int64_t last = shape.start + t;
    int64_t first = shape.window > 0 && shape.window <= last ? last - shape.window + 1 : 0;
    std::vector<const CacheEntry<Real> *> seen;
    for (int64_t p = first; p <= last; ++p) {
      LLMC_ASSIGN_OR_RETURN(const CacheEntry<Real> *at, entry(p));
      seen.push_back(at);
    }
    for (int64_t h = 0; h < heads; ++h) {
      int64_t kv = h * shape.kvHeads / heads;
      std::span<const Real> q = query.row(t).subspan(h * shape.key, shape.key);
      std::vector<Real> weights(seen.size());
      Real largest = -std::numeric_limits<Real>::infinity();
      for (size_t p = 0; p < seen.size(); ++p) {
        std::span<const Real> key(seen[p]->key);
        weights[p] =
            static_cast<Real>(shape.scale) * dot(q, key.subspan(kv * shape.key, shape.key));
        if (shape.softcap > 0)
          weights[p] = static_cast<Real>(shape.softcap) *
                       std::tanh(weights[p] / static_cast<Real>(shape.softcap));
        largest = std::max(largest, weights[p]);
      }
      Real sum = 0;
      for (Real &w : weights)
        sum += w = std::exp(w - largest);
      std::span<Real> out = result.row(t).subspan(h * shape.value, shape.value);
      for (size_t p = 0; p < seen.size(); ++p)
        for (int64_t d = 0; d < shape.value; ++d)
          out[d] += weights[p] / sum * seen[p]->value[kv * shape.value + d];
    }
  }
  return result;
}

#define LLMC_INSTANTIATE(Real)                                                                     \
  template Result<Real> embed(std::span<const int32_t>, const TensorValue<Real> &);                \
  template Result<Real> rmsNorm(const TensorValue<Real> &, const TensorValue<Real> &, double);     \
  template Result<Real> layerNorm(const TensorValue<Real> &, const TensorValue<Real> &,            \
                                  const TensorValue<Real> &, double);                              \
  template Result<Real> linear(const TensorValue<Real> &, const TensorValue<Real> &,               \
                               const TensorValue<Real> *);                                         \
  template Result<Real> add(const TensorValue<Real> &, const TensorValue<Real> &);                 \
  template Result<Real> mul(const TensorValue<Real> &, const TensorValue<Real> &);                 \
  template TensorValue<Real> silu(const TensorValue<Real> &);                                      \
  template Result<Real> swiglu(const TensorValue<Real> &, const TensorValue<Real> &);              \
  template TensorValue<Real> gelu(const TensorValue<Real> &);                                      \
  template Result<Real> geglu(const TensorValue<Real> &, const TensorValue<Real> &);               \
  template TensorValue<Real> scale(const TensorValue<Real> &, double);                             \
  template TensorValue<Real> softcap(const TensorValue<Real> &, double);                           \
  template Result<Real> ropeTable(const RopeParameters &, const TensorValue<Real> *, int64_t,      \
                                  int64_t, int64_t);                                               \
  template Result<Real> rope(const TensorValue<Real> &, const TensorValue<Real> &, int64_t, bool); \
  template Result<Real> attention(                                                                 \
      const TensorValue<Real> &, const AttentionShape &,                                           \
      std::function<absl::StatusOr<const CacheEntry<Real> *>(int64_t)>);
LLMC_INSTANTIATE(float)
LLMC_INSTANTIATE(double)

} // namespace llmc::reference
