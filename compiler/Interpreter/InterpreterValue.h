// The values that the reference interpreter computes with.
#ifndef LLMC_COMPILER_INTERPRETER_INTERPRETERVALUE_H
#define LLMC_COMPILER_INTERPRETER_INTERPRETERVALUE_H

#include "absl/status/statusor.h"
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace llmc {

// A dense tensor, row-major. Weights of any format are decoded to Real too.
template <class Real>
struct TensorValue {
  std::vector<int64_t> shape;
  std::vector<Real> data;

  // For tensors of rank 2.
  int64_t rows() const { return shape[0]; }
  int64_t columns() const { return shape[1]; }
  std::span<const Real> row(int64_t i) const {
    return std::span<const Real>(data).subspan(i * columns(), columns());
  }
  std::span<Real> row(int64_t i) { return std::span<Real>(data).subspan(i * columns(), columns()); }
};

// Values are immutable, as in the IR, and shared.
template <class Real>
using TensorRef = std::shared_ptr<const TensorValue<Real>>;

// tensor<?xi32>
struct TokensValue {
  std::vector<int32_t> tokens;
};

// `index`
struct IndexValue {
  int64_t value = 0;
};

// The state that a symbol of the module names; its contents belong to the interpreter.
struct StateHandle {
  std::string name;
};

template <class Real>
using InterpreterValue = std::variant<TensorRef<Real>, TokensValue, IndexValue, StateHandle>;

template <class Real>
InterpreterValue<Real> makeTensor(std::vector<int64_t> shape, std::vector<Real> data) {
  return std::make_shared<const TensorValue<Real>>(
      TensorValue<Real>{std::move(shape), std::move(data)});
}

// No tensor of the interpreter has more elements.
inline constexpr int64_t kMaximumElements = int64_t{1} << 31;

// Elements of a tensor of this shape; an error if they, or one of its dimensions, are more than
// kMaximumElements or negative.
absl::StatusOr<int64_t> elementCount(std::span<const int64_t> shape);

// "2x64"
std::string shapeText(std::span<const int64_t> shape);

// A zero tensor of this shape, or elementCount's error.
template <class Real>
absl::StatusOr<TensorValue<Real>> allocateTensor(std::vector<int64_t> shape) {
  absl::StatusOr<int64_t> count = elementCount(shape);
  if (!count.ok())
    return count.status();
  return TensorValue<Real>{std::move(shape), std::vector<Real>(*count)};
}

} // namespace llmc

#endif
