#include "frontends/gguf/file/GgufText.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include <cstdint>

namespace llmc::gguf {
namespace {

// Bytes of the well-formed UTF-8 sequence that starts `text`, 0 if there is none.
size_t utf8Length(absl::string_view text) {
  auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  size_t length;
  uint32_t code, least;
  if (byte(0) < 0x80)
    return 1;
  if ((byte(0) & 0xE0) == 0xC0)
    length = 2, code = byte(0) & 0x1F, least = 0x80;
  else if ((byte(0) & 0xF0) == 0xE0)
    length = 3, code = byte(0) & 0x0F, least = 0x800;
  else if ((byte(0) & 0xF8) == 0xF0)
    length = 4, code = byte(0) & 0x07, least = 0x10000;
  else
    return 0;
  if (text.size() < length)
    return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80)
      return 0;
    code = code << 6 | (byte(i) & 0x3F);
  }
  bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  return code < least || code > 0x10FFFF || surrogate ? 0 : length;
}

bool isControl(absl::string_view sequence) {
  uint8_t first = sequence[0];
  if (sequence.size() == 1)
    return first < 0x20 || first == 0x7F;
  // U+0080 to U+009F: a terminal obeys them like the ASCII ones.
  return sequence.size() == 2 && first == 0xC2 && static_cast<uint8_t>(sequence[1]) < 0xA0;
}

} // namespace

std::string printable(absl::string_view text, size_t limit) {
  std::string out;
  while (!text.empty()) {
    if (out.size() >= limit) {
      out += "...";
      break;
    }
    size_t length = utf8Length(text);
    absl::string_view sequence = text.substr(0, length == 0 ? 1 : length);
    text.remove_prefix(sequence.size());
    if (sequence == "\n")
      out += "\\n";
    else if (sequence == "\t")
      out += "\\t";
    else if (sequence == "\\" || sequence == "\"")
      absl::StrAppend(&out, "\\", sequence);
    else if (length == 0 || isControl(sequence))
      for (char c : sequence)
        absl::StrAppendFormat(&out, "\\x%02x", static_cast<uint8_t>(c));
    else
      absl::StrAppend(&out, sequence);
  }
  return out;
}

std::string inQuotes(absl::string_view text, size_t limit) {
  return absl::StrCat("'", printable(text, limit), "'");
}

} // namespace llmc::gguf
