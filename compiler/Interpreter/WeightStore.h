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

  // The tensor `ggufName` as `type`, whose encoding does not matter. An error if the source does
  // not know it or if it has another number of bytes than the type needs.
  absl::StatusOr<TensorRef<Real>> get(const std::string &ggufName, mlir::RankedTensorType type);

private:
  absl::StatusOr<TensorRef<Real>> decode(const std::string &ggufName, mlir::RankedTensorType type);

  WeightSource source_;
  std::map<std::pair<std::string, const void *>, TensorRef<Real>> decoded_; // by name and type
};

} // namespace llmc

#endif
