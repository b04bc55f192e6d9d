#ifndef LLMC_RUNTIME_TRAIN_EXACTTEXT_H
#define LLMC_RUNTIME_TRAIN_EXACTTEXT_H

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#include <bit>
#include <cstdint>
#include <optional>
#include <string>

namespace llmc {

/// Numbers as texts that read back to the same bits, NaN and infinities included.
inline std::string exactText(double value) {
  return absl::StrCat(absl::Hex(std::bit_cast<uint64_t>(value), absl::kZeroPad16));
}
inline std::optional<double> parseExact(absl::string_view text) {
  uint64_t bits;
  if (text.size() != 16 || !absl::SimpleHexAtoi(text, &bits))
    return std::nullopt;
  return std::bit_cast<double>(bits);
}

} // namespace llmc

#endif // LLMC_RUNTIME_TRAIN_EXACTTEXT_H
