#include "compiler/Interpreter/WeightStore.h"
#include "absl/strings/str_cat.h"
#include "compiler/Interpreter/Status.h"
#include "dialects/llm/Formats/BlockCodec.h"
#include "dialects/llm/IR/LlmDialect.h"
#include <algorithm>

namespace llmc {

template <class Real>
absl::StatusOr<TensorRef<Real>> WeightStore<Real>::get(const std::string &ggufName,
                                                       mlir::RankedTensorType type,
                                                       std::optional<uint64_t> firstRow) {
  std::tuple key(ggufName, type.getAsOpaquePointer(), firstRow);
  auto found = decoded_.find(key);
  if (found != decoded_.end())
    return found->second;
  LLMC_ASSIGN_OR_RETURN(TensorRef<Real> weight, decode(ggufName, type, firstRow));
  decoded_[key] = weight;
  return weight;
}

template <class Real>
absl::StatusOr<TensorRef<Real>> WeightStore<Real>::decode(const std::string &ggufName,
                                                          mlir::RankedTensorType type,
                                                          std::optional<uint64_t> firstRow) {
  const BlockFormat *format = llm::getBlockFormat(type.getElementType());
  std::vector<int64_t> shape(type.getShape().begin(), type.getShape().end());
  int64_t columns = shape.empty() ? 1 : shape.back();
  if (!format || columns % format->weights != 0)
    return absl::InvalidArgumentError(
        absl::StrCat("weight '", ggufName, "': rows of ", columns, " are not whole blocks"));
  LLMC_ASSIGN_OR_RETURN(int64_t count, elementCount(shape));
  if (!source_)
    return absl::FailedPreconditionError(
        absl::StrCat("weight '", ggufName, "': the interpreter was given no weights"));
  LLMC_ASSIGN_OR_RETURN(std::span<const uint8_t> bytes, source_(ggufName));
  if (firstRow) {
    const uint64_t before =
        shape.size() == 1 ? format->rowBytes(*firstRow) : *firstRow * format->rowBytes(columns);
    if (before > bytes.size() || bytes.size() - before < format->rowBytes(count))
      return absl::InvalidArgumentError(absl::StrCat("weight '", ggufName, "' has no ",
                                                     shapeText(shape), " from row ", *firstRow,
                                                     " on; give it the module's own model"));
    bytes = bytes.subspan(before, format->rowBytes(count));
  }
  if (bytes.size() != format->rowBytes(count))
    return absl::InvalidArgumentError(absl::StrCat(
        "weight '", ggufName, "' has ", bytes.size(), " bytes, but ", shapeText(shape), " of ",
        format->name, " needs ", format->rowBytes(count), "; give it the module's own model"));

  TensorValue<Real> weight{shape, std::vector<Real>(count)};
  std::vector<float> row(count == 0 ? 0 : columns);
  for (int64_t start = 0; start < count; start += columns) {
    decodeRow(*format, bytes.data() + format->rowBytes(start), columns, row.data());
    std::ranges::copy(row, weight.data.begin() + start);
  }
  return std::make_shared<const TensorValue<Real>>(std::move(weight));
}

template class WeightStore<float>;
template class WeightStore<double>;

} // namespace llmc
