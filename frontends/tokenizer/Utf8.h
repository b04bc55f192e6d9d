// UTF-8 and the byte-level alphabet of GPT-2's tokenizer.
#ifndef LLMC_FRONTENDS_TOKENIZER_UTF8_H
#define LLMC_FRONTENDS_TOKENIZER_UTF8_H

#include "absl/strings/string_view.h"
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace llmc::tokenizer {

// The offset of the first byte that is not part of well-formed UTF-8 (no surrogates, no overlong
// forms, nothing above U+10FFFF), or npos.
size_t findInvalidUtf8(absl::string_view text);

// The characters of a text that is well-formed.
size_t characterCount(absl::string_view text);

// The length that a lead byte announces, 1 for a byte that is none. Never looks at other bytes.
inline size_t utf8Length(char lead) {
  auto byte = static_cast<unsigned char>(lead);
  return byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

// U+2581, which stands for a space in SentencePiece's vocabularies.
inline constexpr absl::string_view escapedSpace = "\xE2\x96\x81";

// Every ' ' becomes U+2581, appended to `out`.
void appendEscaped(absl::string_view text, std::string &out);
std::string unescapeSpaces(absl::string_view text);

// Byte-level BPE writes each byte as one printable character: printable Latin-1 as itself, the
// others as U+0100 and up.
absl::string_view byteCharacter(uint8_t byte);
// The same for each byte of a text.
std::string toByteCharacters(absl::string_view bytes);
// The inverse. Characters outside of the alphabet stay as they are.
std::string fromByteCharacters(absl::string_view text);

// 0x0A for "<0x0A>".
std::optional<uint8_t> parseByteToken(absl::string_view text);
std::string byteTokenText(uint8_t byte);

} // namespace llmc::tokenizer

#endif
