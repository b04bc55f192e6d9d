// Weights of a model, decoded when they are first asked for.
#ifndef LLMC_COMPILER_INTERPRETER_WEIGHTSTORE_H
#define LLMC_COMPILER_INTERPRETER_WEIGHTSTORE_H

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "compiler/Interpreter/InterpreterValue.h"
#include "mlir/IR/BuiltinTypes.h"
#include <functional>
#include <map>
#include <span>

namespace llmc {

// The bytes of the tensor that the GGUF calls `ggufName`, in GGUF's own layout, row after row; they
// must stay as they are while the interpreter lives.
using WeightSource =
    std::function<absl::StatusOr<std::span<const uint8_t>>(absl::string_view ggufName)>;

template <class Real>
class WeightStore {
public:
  explicit WeightStore(WeightSource source) : source_(std::move(source)) {}

  // The tensor `ggufName` as `type`, whose encoding does not matter, or the part of it that begins
  // at `firstRow`, of a vector at that element. An error if the source does not know it, if it has
  // another number of bytes than the type needs, or less than the part.
  absl::StatusOr<TensorRef<Real>> get(const std::string &ggufName, mlir::RankedTensorType type,
                                      std::optional<uint64_t> firstRow = std::nullopt);

private:
  absl::StatusOr<TensorRef<Real>> decode(const std::string &ggufName, mlir::RankedTensorType type,
                                         std::optional<uint64_t> firstRow);

  WeightSource source_;
  // By name, type and place.
  std::map<std::tuple<std::string, const void *, std::optional<uint64_t>>, TensorRef<Real>>
      decoded_;
};

} // namespace llmc

#endif
