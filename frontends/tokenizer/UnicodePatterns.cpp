#include "frontends/tokenizer/UnicodePatterns.h"
#include "absl/strings/str_cat.h"
#include "frontends/tokenizer/Utf8.h"
#include <algorithm>
#include <cstdint>

namespace llmc::tokenizer {
namespace {

constexpr absl::string_view whiteSpace = R"(\t-\r\x{85}\p{Z})";

struct NewerCharacters {
  uint32_t first, last;
  absl::string_view replacement;
};

constexpr absl::string_view newLetter = "\U00010450";
constexpr absl::string_view newNumber = "\U00010107";
constexpr absl::string_view newMark = "\U000101FD";
constexpr absl::string_view newPunctuation = "\U00010100";
constexpr absl::string_view newSymbol = "\U00010137";

// Some take a neighbour of their own, because an expression names the range they are in.
constexpr NewerCharacters newerCharacters[] = {
    {0x0CF3, 0x0CF3, "\u0903"},    {0x0ECE, 0x0ECE, "\u0ECD"},
    {0x2FFC, 0x2FFF, "\u2FFB"},    {0x31EF, 0x31EF, "\u31E3"},
    {0x10EFD, 0x10EFF, newMark},   {0x1123F, 0x11240, newLetter},
    {0x11241, 0x11241, newMark},   {0x11B00, 0x11B09, newPunctuation},
    {0x11F00, 0x11F01, newMark},   {0x11F02, 0x11F02, newLetter},
    {0x11F03, 0x11F03, newMark},   {0x11F04, 0x11F10, newLetter},
    {0x11F12, 0x11F33, newLetter}, {0x11F34, 0x11F3A, newMark},
    {0x11F3E, 0x11F42, newMark},   {0x11F43, 0x11F4F, newPunctuation},
    {0x11F50, 0x11F59, newNumber}, {0x1342F, 0x1342F, newLetter},
    {0x13440, 0x13440, newMark},   {0x13441, 0x13446, newLetter},
    {0x13447, 0x13455, newMark},   {0x1B132, 0x1B132, newLetter},
    {0x1B155, 0x1B155, newLetter}, {0x1D2C0, 0x1D2D3, newNumber},
    {0x1DF25, 0x1DF2A, newLetter}, {0x1E030, 0x1E06D, newLetter},
    {0x1E08F, 0x1E08F, newMark},   {0x1E4D0, 0x1E4EB, newLetter},
    {0x1E4EC, 0x1E4EF, newMark},   {0x1E4F0, 0x1E4F9, newNumber},
    {0x1F6DC, 0x1F6DC, newSymbol}, {0x1F774, 0x1F776, newSymbol},
    {0x1F77B, 0x1F77F, newSymbol}, {0x1F7D9, 0x1F7D9, newSymbol},
    {0x1FA75, 0x1FA77, newSymbol}, {0x1FA87, 0x1FA88, newSymbol},
    {0x1FAAD, 0x1FAAF, newSymbol}, {0x1FABB, 0x1FABD, newSymbol},
    {0x1FABF, 0x1FABF, newSymbol}, {0x1FACE, 0x1FACF, newSymbol},
    {0x1FADA, 0x1FADB, newSymbol}, {0x1FAE8, 0x1FAE8, newSymbol},
    {0x1FAF7, 0x1FAF8, newSymbol}, {0x2B739, 0x2B739, "\U00020000"},
    {0x2EBF0, 0x2EE5D, newLetter}, {0x31350, 0x323AF, newLetter},
};

const NewerCharacters *findNewer(uint32_t codepoint) {
  const auto *found =
      std::lower_bound(std::begin(newerCharacters), std::end(newerCharacters), codepoint,
                       [](const NewerCharacters &range, uint32_t c) { return range.last < c; });
  bool inside = found != std::end(newerCharacters) && found->first <= codepoint;
  return inside ? found : nullptr;
}

uint32_t decodeCharacter(absl::string_view character) {
  constexpr uint8_t leadMasks[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
  uint32_t codepoint = static_cast<uint8_t>(character[0]) & leadMasks[character.size()];
  for (char byte : character.substr(1))
    codepoint = codepoint << 6 | (static_cast<uint8_t>(byte) & 0x3F);
  return codepoint;
}

} // namespace

std::string expandUnicodeClasses(absl::string_view pattern) {
  std::string out;
  bool inClass = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    char c = pattern[i];
    if (c == '\\' && i + 1 < pattern.size()) {
      char escaped = pattern[++i];
      if (escaped == 's')
        absl::StrAppend(&out, inClass ? "" : "[", whiteSpace, inClass ? "" : "]");
      else if (escaped == 'S' && !inClass)
        absl::StrAppend(&out, "[^", whiteSpace, "]");
      else
        out.append({'\\', escaped});
      continue;
    }
    if (c == '[')
      inClass = true;
    else if (c == ']')
      inClass = false;
    out.push_back(c);
  }
  return out;
}

bool replaceNewerCharacters(absl::string_view text, std::string &out) {
  bool replaced = false;
  for (size_t at = 0; at < text.size();) {
    size_t length = utf8Length(text[at]);
    if (length >= 3) {
      if (const NewerCharacters *newer = findNewer(decodeCharacter(text.substr(at, length)))) {
        if (!replaced)
          out.assign(text.data(), text.size());
        replaced = true;
        newer->replacement.copy(&out[at], length);
      }
    }
    at += length;
  }
  return replaced;
}

} // namespace llmc::tokenizer
