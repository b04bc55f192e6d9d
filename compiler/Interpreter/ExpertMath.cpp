#include "compiler/Interpreter/ExpertMath.h"
#include "absl/strings/str_cat.h"
#include "compiler/Interpreter/Status.h"
#include <algorithm>
#include <cmath>
#include <numeric>

namespace llmc::reference {
namespace {

template <class Real>
absl::StatusOr<int64_t> expertOf(const TensorValue<Real> &ids, int64_t token, int64_t slot,
                                 int64_t experts) {
  const Real id = ids.row(token)[slot];
  if (!(id >= 0) || !(id < static_cast<Real>(experts)))
    return absl::InvalidArgumentError(
        absl::StrCat("expert ", id, " of token ", token, " is none of ", experts));
  return static_cast<int64_t>(id);
}

// Whether `x` has `columns` columns for each of a token's experts; they may share as many.
template <class Real>
absl::StatusOr<bool> hasOwnColumns(const TensorValue<Real> &x, const TensorValue<Real> &ids,
                                   int64_t columns) {
  if (x.rows() != ids.rows())
    return absl::InvalidArgumentError(
        absl::StrCat(x.rows(), " rows, but experts for ", ids.rows(), " tokens"));
  if (x.columns() == columns)
    return false;
  if (x.columns() != columns * ids.columns())
    return absl::InvalidArgumentError(absl::StrCat("rows of ", x.columns(), " for ", ids.columns(),
                                                   " experts that take ", columns));
  return true;
}

} // namespace

template <class Real>
absl::StatusOr<Routing<Real>> route(const TensorValue<Real> &logits, int64_t topK, bool normalize) {
  if (topK < 1 || topK > logits.columns())
    return absl::InvalidArgumentError(
        absl::StrCat("cannot choose ", topK, " of ", logits.columns(), " experts"));
  Routing<Real> routing;
  LLMC_ASSIGN_OR_RETURN(routing.ids, allocateTensor<Real>({logits.rows(), topK}));
  LLMC_ASSIGN_OR_RETURN(routing.weights, allocateTensor<Real>({logits.rows(), topK}));
  for (int64_t t = 0; t < logits.rows(); ++t) {
    std::span<const Real> row = logits.row(t);
    std::vector<int64_t> order(row.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, [&](int64_t a, int64_t b) { return row[a] > row[b]; });
    const Real largest = row[order[0]];
    Real sum = 0;
    for (size_t e = 0; e < (normalize ? topK : order.size()); ++e)
      sum += std::exp(row[order[e]] - largest);
    for (int64_t s = 0; s < topK; ++s) {
      routing.ids.row(t)[s] = static_cast<Real>(order[s]);
      routing.weights.row(t)[s] = std::exp(row[order[s]] - largest) / sum;
    }
  }
  return routing;
}

template <class Real>
Result<Real> expertLinear(const TensorValue<Real> &x, const TensorValue<Real> &ids,
                          const TensorValue<Real> &weight) {
  const int64_t experts = weight.shape[0], n = weight.shape[1], k = weight.shape[2];
  LLMC_ASSIGN_OR_RETURN(bool own, hasOwnColumns(x, ids, k));
  LLMC_ASSIGN_OR_RETURN(TensorValue<Real> result,
                        allocateTensor<Real>({x.rows(), ids.columns() * n}));
  for (int64_t t = 0; t < x.rows(); ++t)
    for (int64_t s = 0; s < ids.columns(); ++s) {
      LLMC_ASSIGN_OR_RETURN(int64_t expert, expertOf(ids, t, s, experts));
      std::span<const Real> in = x.row(t).subspan(own ? s * k : 0, k);
      const Real *matrix = weight.data.data() + expert * n * k;
      for (int64_t i = 0; i < n; ++i)
        result.row(t)[s * n + i] =
            std::inner_product(in.begin(), in.end(), matrix + i * k, Real(0));
    }
  return result;
}

template <class Real>
Result<Real> expertSum(const TensorValue<Real> &x, const TensorValue<Real> &weights,
                       const TensorValue<Real> *residual) {
  const int64_t n = x.columns() / weights.columns();
  if (x.rows() != weights.rows() || n * weights.columns() != x.columns())
    return absl::InvalidArgumentError(absl::StrCat(shapeText(x.shape), " cannot be summed by ",
                                                   shapeText(weights.shape), " weights"));
  LLMC_ASSIGN_OR_RETURN(TensorValue<Real> result, allocateTensor<Real>({x.rows(), n}));
  for (int64_t t = 0; t < x.rows(); ++t)
    for (int64_t s = 0; s < weights.columns(); ++s)
      for (int64_t i = 0; i < n; ++i)
        result.row(t)[i] += weights.row(t)[s] * x.row(t)[s * n + i];
  return residual ? add(*residual, result) : result;
}

template <class Real>
absl::Status expertSumSquares(const TensorValue<Real> &x, const TensorValue<Real> &ids,
                              int64_t firstRow, TensorValue<Real> &sums) {
  const int64_t k = sums.columns() - 1;
  LLMC_ASSIGN_OR_RETURN(bool own, hasOwnColumns(x, ids, k));
  for (int64_t t = 0; t < x.rows(); ++t)
    for (int64_t s = 0; s < ids.columns(); ++s) {
      LLMC_ASSIGN_OR_RETURN(int64_t expert, expertOf(ids, t, s, sums.rows() - firstRow));
      std::span<const Real> in = x.row(t).subspan(own ? s * k : 0, k);
      std::span<Real> out = sums.row(firstRow + expert);
      for (int64_t i = 0; i < k; ++i)
        out[i] += in[i] * in[i];
      out[k] += 1;
    }
  return absl::OkStatus();
}

#define LLMC_INSTANTIATE(Real)                                                                     \
  template absl::StatusOr<Routing<Real>> route(const TensorValue<Real> &, int64_t, bool);          \
  template Result<Real> expertLinear(const TensorValue<Real> &, const TensorValue<Real> &,         \
                                     const TensorValue<Real> &);                                   \
  template Result<Real> expertSum(const TensorValue<Real> &, const TensorValue<Real> &,            \
                                  const TensorValue<Real> *);                                      \
  template absl::Status expertSumSquares(const TensorValue<Real> &, const TensorValue<Real> &,     \
                                         int64_t, TensorValue<Real> &);
LLMC_INSTANTIATE(float)
LLMC_INSTANTIATE(double)

} // namespace llmc::reference
