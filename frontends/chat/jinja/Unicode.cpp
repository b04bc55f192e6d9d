#include "frontends/chat/jinja/Unicode.h"
#include "frontends/tokenizer/Utf8.h"
#include <clocale>
#include <cwctype>

namespace llmc::chat {
namespace {

// Part of every glibc, whatever the user's locale is.
locale_t unicode() {
  static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return locale;
}

// Where the character that ends at `end` begins.
size_t characterBefore(absl::string_view text, size_t end) {
  do
    --end;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80);
  return end;
}

bool has(char32_t code, int (*test)(wint_t, locale_t), bool ascii) {
  if (!unicode())
    return ascii;
  return test(static_cast<wint_t>(code), unicode()) != 0;
}

bool isAscii(char32_t code, char first, char last) {
  return code >= char32_t(first) && code <= char32_t(last);
}

} // namespace

absl::string_view characterAt(absl::string_view text, size_t offset) {
  return text.substr(offset, tokenizer::utf8Length(text[offset]));
}

std::vector<absl::string_view> characters(absl::string_view text) {
  std::vector<absl::string_view> result;
  for (size_t at = 0; at < text.size(); at += result.back().size())
    result.push_back(characterAt(text, at));
  return result;
}

char32_t codePoint(absl::string_view character) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(character[i]); };
  switch (character.size()) {
  case 1:
    return byte(0);
  case 2:
    return (byte(0) & 0x1F) << 6 | (byte(1) & 0x3F);
  case 3:
    return (byte(0) & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
  case 4:
    return (byte(0) & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 |
           (byte(3) & 0x3F);
  }
  return 0;
}

void appendCodePoint(char32_t code, std::string &out) {
  const auto tail = [&](int shift) { out += char(0x80 | (code >> shift & 0x3F)); };
  if (code < 0x80) {
    out += char(code);
  } else if (code < 0x800) {
    out += char(0xC0 | code >> 6);
    tail(0);
  } else if (code < 0x10000) {
    out += char(0xE0 | code >> 12);
    tail(6);
    tail(0);
  } else {
    out += char(0xF0 | code >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

bool isSpace(char32_t code) {
  return (code >= 0x09 && code <= 0x0D) || (code >= 0x1C && code <= 0x20) || code == 0x85 ||
         code == 0xA0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 ||
         code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}

bool isPrintable(char32_t code) {
  if (code < 0x7F)
    return code >= 0x20;
  // Format characters (Cf) are printable for the C library and not for Python.
  if (code == 0xAD || code == 0xFEFF || (code >= 0x200B && code <= 0x200F) ||
      (code >= 0x202A && code <= 0x202E) || (code >= 0x2060 && code <= 0x206F))
    return false;
  return !isSpace(code) && has(code, iswprint_l, false);
}

bool isAlphabetic(char32_t code) {
  return has(code, iswalpha_l, isAscii(code, 'a', 'z') || isAscii(code, 'A', 'Z')) &&
         !isAscii(code, '0', '9');
}

bool isUpper(char32_t code) { return has(code, iswupper_l, isAscii(code, 'A', 'Z')); }
bool isLower(char32_t code) { return has(code, iswlower_l, isAscii(code, 'a', 'z')); }

char32_t toUpper(char32_t code) {
  if (code < 0x80 || !unicode())
    return isAscii(code, 'a', 'z') ? code - 32 : code;
  return towupper_l(static_cast<wint_t>(code), unicode());
}

char32_t toLower(char32_t code) {
  if (code < 0x80 || !unicode())
    return isAscii(code, 'A', 'Z') ? code + 32 : code;
  return towlower_l(static_cast<wint_t>(code), unicode());
}

std::string mapCharacters(absl::string_view text, absl::FunctionRef<char32_t(char32_t)> map) {
  std::string result;
  result.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const absl::string_view character = characterAt(text, at);
    appendCodePoint(map(codePoint(character)), result);
    at += character.size();
  }
  return result;
}

absl::string_view stripLeft(absl::string_view text, absl::FunctionRef<bool(char32_t)> drop) {
  while (!text.empty()) {
    const absl::string_view character = characterAt(text, 0);
    if (!drop(codePoint(character)))
      break;
    text.remove_prefix(character.size());
  }
  return text;
}

absl::string_view stripRight(absl::string_view text, absl::FunctionRef<bool(char32_t)> drop) {
  while (!text.empty()) {
    const size_t begin = characterBefore(text, text.size());
    if (!drop(codePoint(text.substr(begin))))
      break;
    text = text.substr(0, begin);
  }
  return text;
}

} // namespace llmc::chat
