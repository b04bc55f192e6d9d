#include "compiler/Interpreter/InterpreterValue.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace llmc {

absl::StatusOr<int64_t> elementCount(std::span<const int64_t> shape) {
  int64_t count = 1;
  for (int64_t dim : shape) {
    if (dim < 0)
      return absl::InvalidArgumentError(absl::StrCat("a tensor has no shape ", shapeText(shape)));
    if (dim > kMaximumElements || __builtin_mul_overflow(count, dim, &count) ||
        count > kMaximumElements)
      return absl::ResourceExhaustedError(
          absl::StrCat("a tensor of ", shapeText(shape), " elements is beyond the interpreter's ",
                       kMaximumElements, "; run a smaller model or fewer tokens"));
  }
  return count;
}

std::string shapeText(std::span<const int64_t> shape) { return absl::StrJoin(shape, "x"); }

} // namespace llmc
