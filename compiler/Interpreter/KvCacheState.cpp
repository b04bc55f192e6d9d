#include "compiler/Interpreter/KvCacheState.h"
#include "absl/strings/str_cat.h"
#include "compiler/Interpreter/Status.h"
#include <bit>
#include <cmath>

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

float roundToBf16(float v) {
  if (std::isnan(v))
    return v;
  uint32_t bits = std::bit_cast<uint32_t>(v);
  bits += 0x7fff + (bits >> 16 & 1); // ties to even
  return std::bit_cast<float>(bits & 0xffff0000);
}

// As a block of q8_0 holds them: in f32, whatever Real is.
template <class Real>
void roundBlock(std::span<Real> block) {
  float largest = 0;
  for (Real v : block)
    largest = std::max(largest, std::abs(static_cast<float>(v)));
  const float scale = largest / 127, inverse = scale ? 1 / scale : 0;
  for (Real &v : block)
    v = static_cast<Real>(std::nearbyint(static_cast<float>(v) * inverse)) *
        static_cast<Real>(static_cast<_Float16>(scale));
}

// From Real to the element type in one rounding.
template <class Real>
std::vector<Real> KvCacheState<Real>::round(std::span<const Real> row, mlir::Type element) const {
  std::vector<Real> rounded(row.begin(), row.end());
  if (exact_)
    return rounded;
  if (llm::isQ8(element)) {
    for (size_t i = 0; i < rounded.size(); i += llm::kCacheBlock)
      roundBlock(std::span(rounded).subspan(i, llm::kCacheBlock));
    return rounded;
  }
  for (Real &v : rounded)
    v = element.isF16()    ? static_cast<Real>(static_cast<_Float16>(v))
        : element.isBF16() ? static_cast<Real>(roundToBf16(static_cast<float>(v)))
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
    entries_[{layer, start + t}] = {round(keys.row(t), type_.getKeyType()),
                                    round(values.row(t), type_.getValueType())};
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
