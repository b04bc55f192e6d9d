// The math of the `llm` operations, as their descriptions say it, without MLIR.
//
// Sums run in order and in Real. Operands come from a program whose dynamic dimensions nobody has
// compared yet, so each function does: a mismatch is an InvalidArgument error.
#ifndef LLMC_COMPILER_INTERPRETER_REFERENCEMATH_H
#define LLMC_COMPILER_INTERPRETER_REFERENCEMATH_H

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "compiler/Interpreter/InterpreterValue.h"
#include "dialects/llm/Formats/RopeFrequencies.h"
#include <functional>

namespace llmc::reference {

template <class Real>
using Result = absl::StatusOr<TensorValue<Real>>;

// Elements of a head of `x` that a norm's weight is for: those of a row, or a divisor.
template <class Real>
absl::StatusOr<int64_t> headLength(const TensorValue<Real> &weight, const TensorValue<Real> &x) {
  const int64_t head = weight.shape.size() == 1 ? weight.shape[0] : 0;
  if (head < 1 || x.columns() % head != 0)
    return absl::InvalidArgumentError(absl::StrCat("the norm's weight is ", shapeText(weight.shape),
                                                   ", which does not divide rows of ",
                                                   x.columns()));
  return head;
}

// Rows `tokens` of `weight`.
template <class Real>
Result<Real> embed(std::span<const int32_t> tokens, const TensorValue<Real> &weight);

// x / sqrt(mean(x^2) + eps) * weight for each row, or for each head as long as the weight.
template <class Real>
Result<Real> rmsNorm(const TensorValue<Real> &x, const TensorValue<Real> &weight, double eps);

// (x - mean(x)) / sqrt(variance(x) + eps) * weight + bias for each row.
template <class Real>
Result<Real> layerNorm(const TensorValue<Real> &x, const TensorValue<Real> &weight,
                       const TensorValue<Real> &bias, double eps);

// x * weight^T (+ bias); `bias` may be null.
template <class Real>
Result<Real> linear(const TensorValue<Real> &x, const TensorValue<Real> &weight,
                    const TensorValue<Real> *bias);

template <class Real>
Result<Real> add(const TensorValue<Real> &a, const TensorValue<Real> &b);
template <class Real>
Result<Real> mul(const TensorValue<Real> &a, const TensorValue<Real> &b);
template <class Real>
TensorValue<Real> silu(const TensorValue<Real> &x);
// silu(gate) * up
template <class Real>
Result<Real> swiglu(const TensorValue<Real> &gate, const TensorValue<Real> &up);

// The approximation with tanh.
template <class Real>
TensorValue<Real> gelu(const TensorValue<Real> &x);
// gelu(gate) * up
template <class Real>
Result<Real> geglu(const TensorValue<Real> &gate, const TensorValue<Real> &up);
template <class Real>
TensorValue<Real> scale(const TensorValue<Real> &x, double factor);
// cap * tanh(x / cap)
template <class Real>
TensorValue<Real> softcap(const TensorValue<Real> &x, double cap);

// Cosines and sines of `rows` positions from `start`. Angles are computed in double for either
// Real; `factors`, one per pair, may be null. After `sequence` rows, unless that is 0, positions
// begin again.
template <class Real>
Result<Real> ropeTable(const RopeParameters &parameters, const TensorValue<Real> *factors,
                       int64_t start, int64_t rows, int64_t sequence);

// Rotates the pairs (2i, 2i + 1) of each head of `headDim` by the table's row, or with `halves` the
// pairs (i, i + columns of the table / 2).
template <class Real>
Result<Real> rope(const TensorValue<Real> &x, const TensorValue<Real> &table, int64_t headDim,
                  bool halves);

// One position of the cache: all heads side by side.
template <class Real>
struct CacheEntry {
  std::vector<Real> key, value;
};

struct AttentionShape {
  int64_t kvHeads, key, value; // of the cache
  int64_t start;
  double scale;
  int64_t window; // 0: none
  double softcap; // 0: none
};

// `entry(p)` yields position p of the layer, or an error where none was written; called only for
// positions that a query sees.
template <class Real>
Result<Real> attention(const TensorValue<Real> &query, const AttentionShape &shape,
                       std::function<absl::StatusOr<const CacheEntry<Real> *>(int64_t)> entry);

// `start + rows`, the position after the step; an error if `start` is negative or the sum too
// large.
absl::StatusOr<int64_t> endOfStep(int64_t start, int64_t rows);

} // namespace llmc::reference

#endif
