// The math of the operations for training, as their descriptions say it, without MLIR. Sums and
// errors as in ReferenceMath.h.
#ifndef LLMC_COMPILER_INTERPRETER_TRAININGMATH_H
#define LLMC_COMPILER_INTERPRETER_TRAININGMATH_H

#include "compiler/Interpreter/ReferenceMath.h"

namespace llmc::reference {

// x * weight
template <class Real>
Result<Real> linearTransposed(const TensorValue<Real> &x, const TensorValue<Real> &weight);

// scale * a^T b
template <class Real>
Result<Real> outer(const TensorValue<Real> &a, const TensorValue<Real> &b, double scale);

struct DropoutKey {
  int64_t seed, layer, site;
  double rate;
};
// Elements stay as they are if the seed is negative.
template <class Real>
TensorValue<Real> dropout(const TensorValue<Real> &x, const DropoutKey &key);

struct NoiseKey {
  int64_t seed, site;
  double amplitude;
};
// The same.
template <class Real>
TensorValue<Real> noise(const TensorValue<Real> &x, const NoiseKey &key);

struct CausalShape {
  int64_t heads, kvHeads, sequence;
  double scale;
  int64_t window; // 0: none
};
template <class Real>
struct CausalAttention {
  TensorValue<Real> result, logSums;
};
template <class Real>
absl::StatusOr<CausalAttention<Real>>
causalAttention(const TensorValue<Real> &query, const TensorValue<Real> &keys,
                const TensorValue<Real> &values, const CausalShape &shape);
template <class Real>
struct CausalAttentionAdjoint {
  TensorValue<Real> query, keys, values;
};
template <class Real>
absl::StatusOr<CausalAttentionAdjoint<Real>>
causalAttentionAdjoint(const TensorValue<Real> &adjoint, const TensorValue<Real> &query,
                       const TensorValue<Real> &keys, const TensorValue<Real> &values,
                       const TensorValue<Real> &output, const TensorValue<Real> &logSums,
                       const CausalShape &shape);

// Hidden states, the output matrix, and an adapter of it, whose two parts may be null.
template <class Real>
struct Head {
  const TensorValue<Real> &input, &weight;
  const TensorValue<Real> *rows, *matrix;
};
template <class Real>
struct CrossEntropy {
  TensorValue<Real> losses, logSums;
};
template <class Real>
absl::StatusOr<CrossEntropy<Real>> linearCrossEntropy(const Head<Real> &head,
                                                      std::span<const int32_t> targets);
template <class Real>
struct CrossEntropyAdjoint {
  TensorValue<Real> input, rows, matrix; // the last two are empty without an adapter
  TensorValue<Real> weight;              // empty with one
};
template <class Real>
absl::StatusOr<CrossEntropyAdjoint<Real>>
linearCrossEntropyAdjoint(const TensorValue<Real> &adjoint, const Head<Real> &head,
                          std::span<const int32_t> targets, const TensorValue<Real> &logSums);

template <class Real>
Result<Real> rmsNormAdjoint(const TensorValue<Real> &adjoint, const TensorValue<Real> &x,
                            const TensorValue<Real> &weight, double eps);
// Of a weight of `head` elements.
template <class Real>
Result<Real> rmsNormWeightAdjoint(const TensorValue<Real> &adjoint, const TensorValue<Real> &x,
                                  int64_t head, double eps);
template <class Real>
Result<Real> layerNormAdjoint(const TensorValue<Real> &adjoint, const TensorValue<Real> &x,
                              const TensorValue<Real> &weight, double eps);
template <class Real>
Result<Real> layerNormWeightAdjoint(const TensorValue<Real> &adjoint, const TensorValue<Real> &x,
                                    double eps);
// A vector; `divisor` may be null.
template <class Real>
Result<Real> sumRows(const TensorValue<Real> &x, const TensorValue<Real> *divisor);
// Of weight + scale * b a; a vector.
template <class Real>
Result<Real> rowNorms(const TensorValue<Real> &weight, const TensorValue<Real> &a,
                      const TensorValue<Real> &b, double scale);
// `bias` may be null.
template <class Real>
Result<Real> scaleColumns(const TensorValue<Real> &x, const TensorValue<Real> &magnitude,
                          const TensorValue<Real> &norms, const TensorValue<Real> *bias);
template <class Real>
Result<Real> geluAdjoint(const TensorValue<Real> &adjoint, const TensorValue<Real> &x);
template <class Real>
Result<Real> ropeAdjoint(const TensorValue<Real> &adjoint, const TensorValue<Real> &table,
                         int64_t headDim, bool halves);
template <class Real>
Result<Real> siluAdjoint(const TensorValue<Real> &adjoint, const TensorValue<Real> &x);
// Rows of `adjoint` added up by token, for `vocabulary` tokens.
template <class Real>
Result<Real> embedAdjoint(const TensorValue<Real> &adjoint, std::span<const int32_t> tokens,
                          int64_t vocabulary);

} // namespace llmc::reference

#endif
