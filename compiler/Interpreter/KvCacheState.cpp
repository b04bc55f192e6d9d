#include "compiler/Interpreter/KvCacheState.h"
#include "absl/strings/str_cat.h"
#include "compiler/Interpreter/Status.h"

namespace llmc {

template <class Real>
absl::StatusOr<KvCacheState<Real>> KvCacheState<Real>::create(llm::KvCacheType type, bool exact) {
  LLMC_RETURN_IF_ERROR(
      elementCount(std::array<int64_t, 2>{type.getHeads(), type.getKey()}).status());
  LLMC_RETURN_IF_ERROR(
      elementCount(std::array<int64_t, 2>{type.getHeads(), type.getValue()}).status());
  return KvCacheState(type, exact);
}

template <class Real>
absl::Status KvCacheState<Real>::checkLayer(int64_t layer) const {
  if (layer >= 0 && layer < type_.getLayers())
    return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("layer ", layer, " of a cache that has ", type_.getLayers()));
}

// From Real to the element type in one rounding.
template <class Real>
std::vector<Real> KvCacheState<Real>::round(std::span<const Real> row) const {
  std::vector<Real> rounded(row.begin(), row.end());
  if (exact_)
    return rounded;
  bool half = type_.getElementType().isF16();
  for (Real &v : rounded)
    v = half ? static_cast<Real>(static_cast<_Float16>(v))
             : static_cast<Real>(static_cast<float>(v));
  return rounded;
}

template <class Real>
absl::Status KvCacheState<Real>::write(int64_t layer, int64_t start, const TensorValue<Real> &keys,
                                       const TensorValue<Real> &values) {
  LLMC_RETURN_IF_ERROR(checkLayer(layer));
  LLMC_RETURN_IF_ERROR(reference::endOfStep(start, keys.rows()).status());
  std::vector<int64_t> keyShape{keys.rows(), type_.getHeads() * type_.getKey()};
  std::vector<int64_t> valueShape{keys.rows(), type_.getHeads() * type_.getValue()};
  if (keys.shape != keyShape || values.shape != valueShape)
    return absl::InvalidArgumentError(
        absl::StrCat("keys are ", shapeText(keys.shape), " and values ", shapeText(values.shape),
                     ", expected ", shapeText(keyShape), " and ", shapeText(valueShape)));
  for (int64_t t = 0; t < keys.rows(); ++t)
    entries_[{layer, start + t}] = {round(keys.row(t)), round(values.row(t))};
  return absl::OkStatus();
}

template <class Real>
absl::StatusOr<const reference::CacheEntry<Real> *> KvCacheState<Real>::at(int64_t layer,
                                                                           int64_t position) const {
  LLMC_RETURN_IF_ERROR(checkLayer(layer));
  auto found = entries_.find({layer, position});
  if (found == entries_.end())
    return absl::FailedPreconditionError(
        absl::StrCat("position ", position, " of layer ", layer,
                     " is read, but nothing was written there; write the prompt first"));
  return &found->second;
}

template class KvCacheState<float>;
template class KvCacheState<double>;

} // namespace llmc
