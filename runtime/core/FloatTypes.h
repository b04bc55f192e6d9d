#ifndef LLMC_RUNTIME_CORE_FLOATTYPES_H
#define LLMC_RUNTIME_CORE_FLOATTYPES_H

#include "dialects/llm/Formats/Half.h"

#include "absl/strings/string_view.h"

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

namespace llmc {

/// Types in which files hold plain floating-point values, with ggml's ids.
enum class FloatType : uint32_t { F32 = 0, F16 = 1, BF16 = 30 };

inline constexpr uint64_t floatTypeBytes(FloatType type) { return type == FloatType::F32 ? 4 : 2; }

/// "F32", "F16", "BF16", as safetensors and ggml spell them.
inline constexpr absl::string_view floatTypeName(FloatType type) {
  return type == FloatType::F32 ? "F32" : type == FloatType::F16 ? "F16" : "BF16";
}
inline std::optional<FloatType> findFloatType(absl::string_view name) {
  for (FloatType type : {FloatType::F32, FloatType::F16, FloatType::BF16})
    if (name == floatTypeName(type))
      return type;
  return std::nullopt;
}

/// Decodes `out.size()` values from as many times floatTypeBytes() bytes, which need no alignment.
inline void decodeFloats(FloatType type, const uint8_t *bytes, std::span<float> out) {
  if (out.empty())
    return;
  if (type == FloatType::F32) {
    std::memcpy(out.data(), bytes, out.size_bytes());
    return;
  }
  for (size_t i = 0; i < out.size(); ++i) {
    uint16_t bits;
    std::memcpy(&bits, bytes + 2 * i, sizeof(bits));
    out[i] =
        type == FloatType::F16 ? halfToFloat(bits) : std::bit_cast<float>(uint32_t(bits) << 16);
  }
}

/// The inverse, rounding to the nearest value and ties to even. NaN stays NaN; what is beyond the
/// range becomes infinite.
inline void encodeFloats(FloatType type, std::span<const float> values, uint8_t *bytes) {
  if (values.empty())
    return;
  if (type == FloatType::F32) {
    std::memcpy(bytes, values.data(), values.size_bytes());
    return;
  }
  for (size_t i = 0; i < values.size(); ++i) {
    const uint32_t word = std::bit_cast<uint32_t>(values[i]);
    uint16_t bits;
    if (type == FloatType::F16)
      bits = floatToHalf(values[i]);
    else if (values[i] != values[i])
      bits = static_cast<uint16_t>(word >> 16 | 0x40);
    else
      bits = static_cast<uint16_t>((word + 0x7fff + (word >> 16 & 1)) >> 16);
    std::memcpy(bytes + 2 * i, &bits, sizeof(bits));
  }
}

} // namespace llmc

#endif // LLMC_RUNTIME_CORE_FLOATTYPES_H
