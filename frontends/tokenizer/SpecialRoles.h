// The special tokens that are known by their text, because files seldom name them by key.
#ifndef LLMC_FRONTENDS_TOKENIZER_SPECIALROLES_H
#define LLMC_FRONTENDS_TOKENIZER_SPECIALROLES_H

#include "absl/strings/string_view.h"
#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace llmc::tokenizer {

enum class Role {
  EndOfTurn,
  EndOfMessage,
  FimPrefix,
  FimSuffix,
  FimMiddle,
  FimPad,
  FimRepo,
  FimSeparator,
};

struct RoleIds {
  std::array<std::optional<int32_t>, 8> ids;
  std::optional<int32_t> &operator[](Role role) { return ids[static_cast<size_t>(role)]; }
};

struct RoleTexts {
  Role role;
  bool endsGeneration;
  std::span<const absl::string_view> texts;
};

std::span<const RoleTexts> roleTexts();
// Tokens that end a generation wherever they exist.
std::span<const absl::string_view> endOfGenerationTexts();
// Control tokens that belong to the visible format of a conversation.
std::span<const absl::string_view> alwaysRenderedTexts();

} // namespace llmc::tokenizer

#endif
