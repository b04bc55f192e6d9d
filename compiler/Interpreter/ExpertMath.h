// The math of mixtures of experts, without MLIR; as in ReferenceMath.h, operands are compared here.
//
// Ids of experts are whole numbers in tensors of Real, which has them exactly.
#ifndef LLMC_COMPILER_INTERPRETER_EXPERTMATH_H
#define LLMC_COMPILER_INTERPRETER_EXPERTMATH_H

#include "compiler/Interpreter/ReferenceMath.h"

namespace llmc::reference {

template <class Real>
struct Routing {
  TensorValue<Real> ids, weights; // [tokens][topK]
};

// The `topK` largest logits of each row, of equal ones the first, and the softmax over the row at
// them, or over them alone with `normalize`.
template <class Real>
absl::StatusOr<Routing<Real>> route(const TensorValue<Real> &logits, int64_t topK, bool normalize);

// `weight` is [experts][rows][columns]; `x` has `columns` columns, or so many for each of a token's
// experts side by side.
template <class Real>
Result<Real> expertLinear(const TensorValue<Real> &x, const TensorValue<Real> &ids,
                          const TensorValue<Real> &weight);

// The sum of as many parts of `x` as there are weights, each times its own (+ residual); `residual`
// may be null.
template <class Real>
Result<Real> expertSum(const TensorValue<Real> &x, const TensorValue<Real> &weights,
                       const TensorValue<Real> *residual);

// Adds to rows `firstRow + id` of `sums` the squares of what expert `id` multiplies, and to its
// last column the number of rows.
template <class Real>
absl::Status expertSumSquares(const TensorValue<Real> &x, const TensorValue<Real> &ids,
                              int64_t firstRow, TensorValue<Real> &sums);

} // namespace llmc::reference

#endif
