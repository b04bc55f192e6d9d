#include "frontends/lora/train/PrincipalPart.h"
#include "absl/strings/str_cat.h"
#include "runtime/train/Random.h"
#include <Eigen/QR>
#include <Eigen/SVD>
#include <algorithm>
#include <cmath>
#include <new>

namespace llmc::lora {
namespace {

using Matrix = Eigen::MatrixXf;
using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Input = Eigen::Map<const RowMajor>;

constexpr uint64_t kOversampling = 8;
constexpr absl::string_view kStream = "principal part";

// An orthonormal basis of the columns.
Matrix basisOf(const Matrix &columns) {
  const Eigen::HouseholderQR<Matrix> qr(columns);
  return qr.householderQ() * Matrix::Identity(columns.rows(), columns.cols());
}

absl::Status tooLarge() {
  return absl::InvalidArgumentError("has values so large that their products are not finite");
}

PrincipalPart partOf(const Matrix &u, const Eigen::VectorXf &singular, const Matrix &v,
                     uint64_t rank) {
  const auto r = static_cast<Eigen::Index>(rank);
  const Eigen::VectorXf root = singular.head(r).cwiseMax(0).cwiseSqrt();
  const RowMajor b = u.leftCols(r) * root.asDiagonal();
  const RowMajor a = root.asDiagonal() * v.leftCols(r).transpose();
  return {{b.data(), b.data() + b.size()}, {a.data(), a.data() + a.size()}};
}

absl::StatusOr<PrincipalPart> exact(const Input &w, uint64_t rank) {
  const Eigen::BDCSVD<Matrix> svd(w, Eigen::ComputeThinU | Eigen::ComputeThinV);
  if (svd.info() != Eigen::Success)
    return tooLarge();
  return partOf(svd.matrixU(), svd.singularValues(), svd.matrixV(), rank);
}

absl::StatusOr<PrincipalPart> randomized(const Input &w, const PrincipalOptions &options) {
  const Eigen::Index side = std::min(w.rows(), w.cols());
  const auto width = std::min<Eigen::Index>(options.rank + kOversampling, side);
  Random random(options.seed, kStream);
  Matrix start(w.cols(), width);
  for (float &value : start.reshaped())
    value = static_cast<float>(random.normal());
  Matrix q = basisOf(w * start);
  for (int i = 0; i < options.iterations; ++i)
    q = basisOf(w * basisOf(w.transpose() * q));
  const Matrix small = w.transpose() * q; // [columns][width]
  const Eigen::BDCSVD<Matrix> svd(small, Eigen::ComputeThinU | Eigen::ComputeThinV);
  if (svd.info() != Eigen::Success)
    return tooLarge();
  return partOf(q * svd.matrixV(), svd.singularValues(), svd.matrixU(), options.rank);
}

} // namespace

absl::StatusOr<PrincipalPart> principalPart(std::span<const float> matrix, uint64_t rows,
                                            uint64_t columns, const PrincipalOptions &options) {
  for (float value : matrix)
    if (!std::isfinite(value))
      return absl::InvalidArgumentError("has a value that is not finite");
  if (options.rank < 1 || options.rank > std::min(rows, columns))
    return absl::InvalidArgumentError(
        absl::StrCat("of ", rows, " x ", columns, " has no part of rank ", options.rank));
  const Input w(matrix.data(), static_cast<Eigen::Index>(rows), static_cast<Eigen::Index>(columns));
  try {
    return options.iterations == 0 ? exact(w, options.rank) : randomized(w, options);
  } catch (const std::bad_alloc &) {
    return absl::ResourceExhaustedError("there is not the memory to decompose it");
  }
}

} // namespace llmc::lora
