#include "compiler/Interpreter/TrainingMath.h"
#include "absl/strings/str_cat.h"
#include "compiler/Interpreter/Status.h"
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace llmc::reference {
namespace {

template <class Real>
absl::Status expectShape(absl::string_view what, const TensorValue<Real> &tensor,
                         std::vector<int64_t> expected) {
  if (tensor.shape == expected)
    return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(what, " is ", shapeText(tensor.shape), ", expected ", shapeText(expected)));
}

template <class Real>
Real dot(std::span<const Real> a, std::span<const Real> b) {
  Real sum = 0;
  for (size_t i = 0; i < a.size(); ++i)
    sum += a[i] * b[i];
  return sum;
}

template <class Real>
void addScaled(std::span<Real> sum, Real factor, std::span<const Real> a) {
  for (size_t i = 0; i < a.size(); ++i)
    sum[i] += factor * a[i];
}

uint64_t mix64(uint64_t x) {
  x = (x ^ (x >> 33)) * 0xFF51AFD7ED558CCD;
  x = (x ^ (x >> 33)) * 0xC4CEB9FE1A85EC53;
  return x ^ (x >> 33);
}
uint32_t mix32(uint32_t x) {
  x = (x ^ (x >> 16)) * 0x85EBCA6B;
  x = (x ^ (x >> 13)) * 0xC2B2AE35;
  return x ^ (x >> 16);
}

// h of llm.dropout: of each element of rows that follow each other.
class RandomBits {
public:
  RandomBits(int64_t seed, int64_t layer, int64_t site)
      : key_(mix64(static_cast<uint64_t>(seed) * 0x9E3779B97F4A7C15 +
                   static_cast<uint64_t>(layer) * 0xBF58476D1CE4E5B9 +
                   static_cast<uint64_t>(site))) {}
  uint32_t operator()(size_t place) const {
    return mix32(mix32(static_cast<uint32_t>(place) ^ static_cast<uint32_t>(key_)) ^
                 static_cast<uint32_t>(key_ >> 32));
  }

private:
  uint64_t key_;
};

// The tokens that token t of all rows sees: [first, t].
int64_t firstSeen(const CausalShape &shape, int64_t t) {
  int64_t begin = t - t % shape.sequence;
  return shape.window > 0 ? std::max(begin, t - shape.window + 1) : begin;
}

// Heads of one row.
template <class Real>
std::span<const Real> head(const TensorValue<Real> &x, int64_t t, int64_t h, int64_t width) {
  return x.row(t).subspan(h * width, width);
}

template <class Real>
absl::Status checkSequences(const TensorValue<Real> &query, const TensorValue<Real> &keys,
                            const TensorValue<Real> &values, const CausalShape &shape) {
  int64_t rows = query.rows();
  if (rows % shape.sequence != 0)
    return absl::InvalidArgumentError(
        absl::StrCat(rows, " rows are no whole sequences of ", shape.sequence, " tokens"));
  LLMC_RETURN_IF_ERROR(expectShape("the keys' tensor", keys, {rows, keys.columns()}));
  return expectShape("the values' tensor", values, {rows, values.columns()});
}

template <class Real>
absl::Status checkHead(const Head<Real> &head, std::span<const int32_t> targets) {
  int64_t rows = head.input.rows(), vocabulary = head.weight.rows();
  if (static_cast<int64_t>(targets.size()) != rows)
    return absl::InvalidArgumentError(absl::StrCat(targets.size(), " targets for ", rows, " rows"));
  for (size_t t = 0; t < targets.size(); ++t)
    if (targets[t] < -1 || targets[t] >= vocabulary)
      return absl::InvalidArgumentError(absl::StrCat("target ", targets[t], " at ", t,
                                                     " is outside the vocabulary of ", vocabulary));
  if (!head.rows)
    return absl::OkStatus();
  int64_t rank = head.rows->columns();
  LLMC_RETURN_IF_ERROR(expectShape("the adapter's rows", *head.rows, {rows, rank}));
  return expectShape("the adapter's matrix", *head.matrix, {vocabulary, rank});
}

template <class Real>
std::vector<Real> logits(const Head<Real> &head, int64_t t) {
  std::vector<Real> result(head.weight.rows());
  for (int64_t v = 0; v < head.weight.rows(); ++v) {
    result[v] = dot(head.input.row(t), head.weight.row(v));
    if (head.rows)
      result[v] += dot(head.rows->row(t), head.matrix->row(v));
  }
  return result;
}

} // namespace

template <class Real>
Result<Real> linearTransposed(const TensorValue<Real> &x, const TensorValue<Real> &weight) {
  LLMC_RETURN_IF_ERROR(expectShape("the weight", weight, {x.columns(), weight.columns()}));
  LLMC_ASSIGN_OR_RETURN(TensorValue<Real> y, allocateTensor<Real>({x.rows(), weight.columns()}));
  for (int64_t t = 0; t < x.rows(); ++t)
    for (int64_t n = 0; n < x.columns(); ++n)
      addScaled(y.row(t), x.row(t)[n], weight.row(n));
  return y;
}

template <class Real>
Result<Real> outer(const TensorValue<Real> &a, const TensorValue<Real> &b, double scale) {
  LLMC_RETURN_IF_ERROR(expectShape("the right-hand side", b, {a.rows(), b.columns()}));
  LLMC_ASSIGN_OR_RETURN(TensorValue<Real> g, allocateTensor<Real>({a.columns(), b.columns()}));
  for (int64_t t = 0; t < a.rows(); ++t)
    for (int64_t i = 0; i < a.columns(); ++i)
      addScaled(g.row(i), a.row(t)[i], b.row(t));
  for (Real &x : g.data)
    x *= static_cast<Real>(scale);
  return g;
}

template <class Real>
TensorValue<Real> dropout(const TensorValue<Real> &x, const DropoutKey &key) {
  TensorValue<Real> result = x;
  if (key.seed < 0)
    return result;
  const RandomBits bits(key.seed, key.layer, key.site);
  double threshold = key.rate * 0x1p32;
  for (size_t i = 0; i < result.data.size(); ++i)
    result.data[i] = bits(i) >= threshold ? x.data[i] / static_cast<Real>(1 - key.rate) : Real(0);
  return result;
}

template <class Real>
TensorValue<Real> noise(const TensorValue<Real> &x, const NoiseKey &key) {
  TensorValue<Real> result = x;
  if (key.seed < 0)
    return result;
  const RandomBits bits(key.seed, 0, key.site);
  for (size_t i = 0; i < result.data.size(); ++i)
    result.data[i] += static_cast<Real>(key.amplitude * (bits(i) - 0x1p31) / 0x1p31);
  return result;
}

template <class Real>
absl::StatusOr<CausalAttention<Real>>
causalAttention(const TensorValue<Real> &query, const TensorValue<Real> &keys,
                const TensorValue<Real> &values, const CausalShape &shape) {
  LLMC_RETURN_IF_ERROR(checkSequences(query, keys, values, shape));
  int64_t width = query.columns() / shape.heads, valueWidth = values.columns() / shape.kvHeads;
  LLMC_ASSIGN_OR_RETURN(auto result,
                        allocateTensor<Real>({query.rows(), shape.heads * valueWidth}));
  LLMC_ASSIGN_OR_RETURN(auto logSums, allocateTensor<Real>({query.rows(), shape.heads}));
  for (int64_t t = 0; t < query.rows(); ++t)
    for (int64_t h = 0; h < shape.heads; ++h) {
      int64_t kv = h * shape.kvHeads / shape.heads, first = firstSeen(shape, t);
      std::vector<Real> scores;
      for (int64_t p = first; p <= t; ++p)
        scores.push_back(static_cast<Real>(shape.scale) *
                         dot(head(query, t, h, width), head(keys, p, kv, width)));
      Real largest = *std::ranges::max_element(scores), sum = 0;
      for (Real s : scores)
        sum += std::exp(s - largest);
      logSums.row(t)[h] = largest + std::log(sum);
      for (int64_t p = first; p <= t; ++p)
        addScaled(result.row(t).subspan(h * valueWidth, valueWidth),
                  std::exp(scores[p - first] - largest) / sum, head(values, p, kv, valueWidth));
    }
  return CausalAttention<Real>{std::move(result), std::move(logSums)};
}

template <class Real>
absl::StatusOr<CausalAttentionAdjoint<Real>>
causalAttentionAdjoint(const TensorValue<Real> &adjoint, const TensorValue<Real> &query,
                       const TensorValue<Real> &keys, const TensorValue<Real> &values,
                       const TensorValue<Real> &output, const TensorValue<Real> &logSums,
                       const CausalShape &shape) {
  LLMC_RETURN_IF_ERROR(checkSequences(query, keys, values, shape));
  LLMC_RETURN_IF_ERROR(expectShape("the derivative", adjoint, output.shape));
  LLMC_RETURN_IF_ERROR(expectShape("the result", output, {query.rows(), output.columns()}));
  LLMC_RETURN_IF_ERROR(expectShape("log_sums", logSums, {query.rows(), shape.heads}));
  int64_t width = query.columns() / shape.heads, valueWidth = values.columns() / shape.kvHeads;
  LLMC_ASSIGN_OR_RETURN(auto dq, allocateTensor<Real>(query.shape));
  LLMC_ASSIGN_OR_RETURN(auto dk, allocateTensor<Real>(keys.shape));
  LLMC_ASSIGN_OR_RETURN(auto dv, allocateTensor<Real>(values.shape));
  const Real scale = static_cast<Real>(shape.scale);
  for (int64_t t = 0; t < query.rows(); ++t)
    for (int64_t h = 0; h < shape.heads; ++h) {
      int64_t kv = h * shape.kvHeads / shape.heads;
      auto q = head(query, t, h, width);
      auto dy = head(adjoint, t, h, valueWidth);
      Real mean = dot(dy, head(output, t, h, valueWidth));
      for (int64_t p = firstSeen(shape, t); p <= t; ++p) {
        auto k = head(keys, p, kv, width);
        Real probability = std::exp(scale * dot(q, k) - logSums.row(t)[h]);
        Real ds = scale * probability * (dot(dy, head(values, p, kv, valueWidth)) - mean);
        addScaled(dv.row(p).subspan(kv * valueWidth, valueWidth), probability, dy);
        addScaled(dq.row(t).subspan(h * width, width), ds, k);
        addScaled(dk.row(p).subspan(kv * width, width), ds, q);
      }
    }
  return CausalAttentionAdjoint<Real>{std::move(dq), std::move(dk), std::move(dv)};
}

template <class Real>
absl::StatusOr<CrossEntropy<Real>> linearCrossEntropy(const Head<Real> &head,
                                                      std::span<const int32_t> targets) {
  LLMC_RETURN_IF_ERROR(checkHead(head, targets));
  LLMC_ASSIGN_OR_RETURN(auto losses, allocateTensor<Real>({head.input.rows(), 1}));
  LLMC_ASSIGN_OR_RETURN(auto logSums, allocateTensor<Real>({head.input.rows(), 1}));
  for (int64_t t = 0; t < head.input.rows(); ++t) {
    std::vector<Real> z = logits(head, t);
    Real largest = *std::ranges::max_element(z), sum = 0;
    for (Real x : z)
      sum += std::exp(x - largest);
    logSums.data[t] = largest + std::log(sum);
    losses.data[t] = targets[t] < 0 ? Real(0) : logSums.data[t] - z[targets[t]];
  }
  return CrossEntropy<Real>{std::move(losses), std::move(logSums)};
}

template <class Real>
absl::StatusOr<CrossEntropyAdjoint<Real>>
linearCrossEntropyAdjoint(const TensorValue<Real> &adjoint, const Head<Real> &head,
                          std::span<const int32_t> targets, const TensorValue<Real> &logSums) {
  LLMC_RETURN_IF_ERROR(checkHead(head, targets));
  LLMC_RETURN_IF_ERROR(expectShape("the derivative", adjoint, {head.input.rows(), 1}));
  LLMC_RETURN_IF_ERROR(expectShape("log_sums", logSums, {head.input.rows(), 1}));
  CrossEntropyAdjoint<Real> result;
  LLMC_ASSIGN_OR_RETURN(result.input, allocateTensor<Real>(head.input.shape));
  if (head.rows) {
    LLMC_ASSIGN_OR_RETURN(result.rows, allocateTensor<Real>(head.rows->shape));
    LLMC_ASSIGN_OR_RETURN(result.matrix, allocateTensor<Real>(head.matrix->shape));
  } else {
    LLMC_ASSIGN_OR_RETURN(result.weight, allocateTensor<Real>(head.weight.shape));
  }
  for (int64_t t = 0; t < head.input.rows(); ++t) {
    if (targets[t] < 0)
      continue;
    std::vector<Real> z = logits(head, t);
    for (int64_t v = 0; v < head.weight.rows(); ++v) {
      Real dz = adjoint.data[t] * (std::exp(z[v] - logSums.data[t]) - (v == targets[t] ? 1 : 0));
      addScaled(result.input.row(t), dz, head.weight.row(v));
      if (head.rows) {
        addScaled(result.rows.row(t), dz, head.matrix->row(v));
        addScaled(result.matrix.row(v), dz, head.rows->row(t));
      } else {
        addScaled(result.weight.row(v), dz, head.input.row(t));
      }
    }
  }
  return result;
}

template <class Real>
Result<Real> rmsNormAdjoint(const TensorValue<Real> &adjoint, const TensorValue<Real> &x,
                            const TensorValue<Real> &weight, double eps) {
  LLMC_RETURN_IF_ERROR(expectShape("the derivative", adjoint, x.shape));
  LLMC_ASSIGN_OR_RETURN(const int64_t head, headLength(weight, x));
  TensorValue<Real> result = x;
  const Real count = static_cast<Real>(head);
  for (int64_t t = 0; t < x.rows(); ++t)
    for (int64_t first = 0; first < x.columns(); first += head) {
      auto row = x.row(t).subspan(first, head);
      Real square = dot(row, row) / count + static_cast<Real>(eps);
      std::vector<Real> g(head);
      for (int64_t i = 0; i < head; ++i)
        g[i] = adjoint.row(t)[first + i] * weight.data[i];
      Real mean = dot<Real>(g, row) / count;
      for (int64_t i = 0; i < head; ++i)
        result.row(t)[first + i] = (g[i] - row[i] * mean / square) / std::sqrt(square);
    }
  return result;
}

template <class Real>
Result<Real> rmsNormWeightAdjoint(const TensorValue<Real> &adjoint, const TensorValue<Real> &x,
                                  int64_t head, double eps) {
  LLMC_RETURN_IF_ERROR(expectShape("the derivative", adjoint, x.shape));
  LLMC_ASSIGN_OR_RETURN(auto result, allocateTensor<Real>({head}));
  for (int64_t t = 0; t < x.rows(); ++t)
    for (int64_t first = 0; first < x.columns(); first += head) {
      auto row = x.row(t).subspan(first, head);
      const Real square = dot(row, row) / static_cast<Real>(head) + static_cast<Real>(eps);
      for (int64_t i = 0; i < head; ++i)
        result.data[i] += adjoint.row(t)[first + i] * row[i] / std::sqrt(square);
    }
  return result;
}

namespace {

// A row with mean 0 and variance 1, and what it was divided by.
template <class Real>
struct Normalized {
  std::vector<Real> row;
  Real root;
};
template <class Real>
Normalized<Real> normalized(std::span<const Real> x, double eps) {
  const Real count = static_cast<Real>(x.size());
  Normalized<Real> out{{x.begin(), x.end()}, 0};
  Real mean = 0;
  for (Real v : x)
    mean += v / count;
  for (Real &v : out.row)
    v -= mean;
  out.root = std::sqrt(dot<Real>(out.row, out.row) / count + static_cast<Real>(eps));
  for (Real &v : out.row)
    v /= out.root;
  return out;
}

} // namespace

template <class Real>
Result<Real> layerNormAdjoint(const TensorValue<Real> &adjoint, const TensorValue<Real> &x,
                              const TensorValue<Real> &weight, double eps) {
  LLMC_RETURN_IF_ERROR(expectShape("the derivative", adjoint, x.shape));
  LLMC_RETURN_IF_ERROR(expectShape("the norm's weight", weight, {x.columns()}));
  TensorValue<Real> result = x;
  const Real count = static_cast<Real>(x.columns());
  for (int64_t t = 0; t < x.rows(); ++t) {
    const Normalized<Real> n = normalized<Real>(x.row(t), eps);
    std::vector<Real> g(n.row.size());
    Real mean = 0;
    for (size_t i = 0; i < g.size(); ++i) {
      g[i] = adjoint.row(t)[i] * weight.data[i];
      mean += g[i] / count;
    }
    const Real slope = dot<Real>(g, n.row) / count;
    for (size_t i = 0; i < g.size(); ++i)
      result.row(t)[i] = (g[i] - mean - n.row[i] * slope) / n.root;
  }
  return result;
}

template <class Real>
Result<Real> layerNormWeightAdjoint(const TensorValue<Real> &adjoint, const TensorValue<Real> &x,
                                    double eps) {
  LLMC_RETURN_IF_ERROR(expectShape("the derivative", adjoint, x.shape));
  LLMC_ASSIGN_OR_RETURN(auto result, allocateTensor<Real>({x.columns()}));
  for (int64_t t = 0; t < x.rows(); ++t) {
    const Normalized<Real> n = normalized<Real>(x.row(t), eps);
    for (size_t i = 0; i < n.row.size(); ++i)
      result.data[i] += adjoint.row(t)[i] * n.row[i];
  }
  return result;
}

template <class Real>
Result<Real> rowNorms(const TensorValue<Real> &weight, const TensorValue<Real> &a,
                      const TensorValue<Real> &b, double scale) {
  const int64_t rows = weight.rows(), columns = weight.columns(), rank = a.rows();
  LLMC_RETURN_IF_ERROR(expectShape("a", a, {rank, columns}));
  LLMC_RETURN_IF_ERROR(expectShape("b", b, {rows, rank}));
  LLMC_ASSIGN_OR_RETURN(auto result, allocateTensor<Real>({rows}));
  for (int64_t n = 0; n < rows; ++n) {
    std::vector<Real> row(weight.row(n).begin(), weight.row(n).end());
    for (int64_t i = 0; i < rank; ++i)
      addScaled<Real>(row, static_cast<Real>(scale) * b.row(n)[i], a.row(i));
    result.data[n] = std::sqrt(dot<Real>(row, row));
  }
  return result;
}

template <class Real>
Result<Real> scaleColumns(const TensorValue<Real> &x, const TensorValue<Real> &magnitude,
                          const TensorValue<Real> &norms, const TensorValue<Real> *bias) {
  LLMC_RETURN_IF_ERROR(expectShape("the magnitude", magnitude, {x.columns()}));
  LLMC_RETURN_IF_ERROR(expectShape("the norms", norms, {x.columns()}));
  if (bias)
    LLMC_RETURN_IF_ERROR(expectShape("the bias", *bias, {x.columns()}));
  TensorValue<Real> result = x;
  for (int64_t t = 0; t < x.rows(); ++t)
    for (int64_t n = 0; n < x.columns(); ++n)
      result.row(t)[n] = x.row(t)[n] * magnitude.data[n] / norms.data[n] +
                         (bias ? bias->data[n] : Real(0));
  return result;
}

template <class Real>
Result<Real> sumRows(const TensorValue<Real> &x, const TensorValue<Real> *divisor) {
  LLMC_ASSIGN_OR_RETURN(auto result, allocateTensor<Real>({x.columns()}));
  for (int64_t t = 0; t < x.rows(); ++t)
    addScaled<Real>(result.data, Real(1), x.row(t));
  if (divisor) {
    LLMC_RETURN_IF_ERROR(expectShape("the divisor", *divisor, {x.columns()}));
    for (size_t i = 0; i < result.data.size(); ++i)
      result.data[i] /= divisor->data[i];
  }
  return result;
}

template <class Real>
Result<Real> geluAdjoint(const TensorValue<Real> &adjoint, const TensorValue<Real> &x) {
  LLMC_RETURN_IF_ERROR(expectShape("the derivative", adjoint, x.shape));
  const Real slope = static_cast<Real>(2 * std::sqrt(2 / std::numbers::pi));
  const Real cubic = static_cast<Real>(0.044715);
  TensorValue<Real> result = x;
  for (size_t i = 0; i < x.data.size(); ++i) {
    const Real v = x.data[i], s = 1 / (1 + std::exp(-slope * (v + cubic * v * v * v)));
    result.data[i] = adjoint.data[i] * s * (1 + v * (1 - s) * slope * (1 + 3 * cubic * v * v));
  }
  return result;
}

template <class Real>
Result<Real> ropeAdjoint(const TensorValue<Real> &adjoint, const TensorValue<Real> &table,
                         int64_t headDim, bool halves) {
  TensorValue<Real> back = table;
  for (size_t i = 1; i < back.data.size(); i += 2)
    back.data[i] = -back.data[i];
  return rope(adjoint, back, headDim, halves);
}

template <class Real>
Result<Real> siluAdjoint(const TensorValue<Real> &adjoint, const TensorValue<Real> &x) {
  LLMC_RETURN_IF_ERROR(expectShape("the derivative", adjoint, x.shape));
  TensorValue<Real> result = x;
  for (size_t i = 0; i < x.data.size(); ++i) {
    Real s = 1 / (1 + std::exp(-x.data[i]));
    result.data[i] = adjoint.data[i] * s * (1 + x.data[i] * (1 - s));
  }
  return result;
}

template <class Real>
Result<Real> embedAdjoint(const TensorValue<Real> &adjoint, std::span<const int32_t> tokens,
                          int64_t vocabulary) {
  LLMC_RETURN_IF_ERROR(expectShape("the derivative", adjoint,
                                   {static_cast<int64_t>(tokens.size()), adjoint.columns()}));
  LLMC_ASSIGN_OR_RETURN(auto result, allocateTensor<Real>({vocabulary, adjoint.columns()}));
  for (size_t t = 0; t < tokens.size(); ++t) {
    if (tokens[t] < 0 || tokens[t] >= vocabulary)
      return absl::InvalidArgumentError(absl::StrCat("token ", tokens[t], " at ", t,
                                                     " is outside the vocabulary of ", vocabulary));
    addScaled(result.row(tokens[t]), Real(1), adjoint.row(t));
  }
  return result;
}

#define LLMC_INSTANTIATE(Real)                                                                     \
  template Result<Real> linearTransposed(const TensorValue<Real> &, const TensorValue<Real> &);    \
  template Result<Real> outer(const TensorValue<Real> &, const TensorValue<Real> &, double);       \
  template TensorValue<Real> dropout(const TensorValue<Real> &, const DropoutKey &);               \
  template TensorValue<Real> noise(const TensorValue<Real> &, const NoiseKey &);                   \
  template absl::StatusOr<CausalAttention<Real>> causalAttention(                                  \
      const TensorValue<Real> &, const TensorValue<Real> &, const TensorValue<Real> &,             \
      const CausalShape &);                                                                        \
  template absl::StatusOr<CausalAttentionAdjoint<Real>> causalAttentionAdjoint(                    \
      const TensorValue<Real> &, const TensorValue<Real> &, const TensorValue<Real> &,             \
      const TensorValue<Real> &, const TensorValue<Real> &, const TensorValue<Real> &,             \
      const CausalShape &);                                                                        \
  template absl::StatusOr<CrossEntropy<Real>> linearCrossEntropy(const Head<Real> &,               \
                                                                 std::span<const int32_t>);        \
  template absl::StatusOr<CrossEntropyAdjoint<Real>> linearCrossEntropyAdjoint(                    \
      const TensorValue<Real> &, const Head<Real> &, std::span<const int32_t>,                     \
      const TensorValue<Real> &);                                                                  \
  template Result<Real> rmsNormAdjoint(const TensorValue<Real> &, const TensorValue<Real> &,       \
                                       const TensorValue<Real> &, double);                         \
  template Result<Real> rmsNormWeightAdjoint(const TensorValue<Real> &, const TensorValue<Real> &, \
                                             int64_t, double);                                     \
  template Result<Real> layerNormAdjoint(const TensorValue<Real> &, const TensorValue<Real> &,     \
                                         const TensorValue<Real> &, double);                       \
  template Result<Real> layerNormWeightAdjoint(const TensorValue<Real> &,                          \
                                               const TensorValue<Real> &, double);                 \
  template Result<Real> sumRows(const TensorValue<Real> &, const TensorValue<Real> *);             \
  template Result<Real> rowNorms(const TensorValue<Real> &, const TensorValue<Real> &,             \
                                 const TensorValue<Real> &, double);                               \
  template Result<Real> scaleColumns(const TensorValue<Real> &, const TensorValue<Real> &,         \
                                     const TensorValue<Real> &, const TensorValue<Real> *);        \
  template Result<Real> geluAdjoint(const TensorValue<Real> &, const TensorValue<Real> &);         \
  template Result<Real> ropeAdjoint(const TensorValue<Real> &, const TensorValue<Real> &, int64_t, \
                                    bool);                                                         \
  template Result<Real> siluAdjoint(const TensorValue<Real> &, const TensorValue<Real> &);         \
  template Result<Real> embedAdjoint(const TensorValue<Real> &, std::span<const int32_t>, int64_t);
LLMC_INSTANTIATE(float)
LLMC_INSTANTIATE(double)

} // namespace llmc::reference
