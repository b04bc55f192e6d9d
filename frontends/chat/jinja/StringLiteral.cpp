#include "frontends/chat/jinja/StringLiteral.h"
#include "absl/strings/ascii.h"
#include "frontends/chat/jinja/TemplateError.h"
#include "frontends/chat/jinja/Unicode.h"
#include <cstdint>

namespace llmc::chat {
namespace {

// Escapes of one letter, and what they stand for.
constexpr absl::string_view kLetters = "\\'\"abfnrtv", kMeanings = "\\'\"\a\b\f\n\r\t\v";

int digitValue(char c) {
  return absl::ascii_isdigit(c) ? c - '0' : absl::ascii_tolower(c) - 'a' + 10;
}

// Digits of a number at the start of `text`, `most` at the most.
size_t countDigits(absl::string_view text, int base, size_t most) {
  size_t count = 0;
  while (count < most && count < text.size() && absl::ascii_isxdigit(text[count]) &&
         digitValue(text[count]) < base)
    ++count;
  return count;
}

} // namespace

std::string unescapeLiteral(absl::string_view literal, int line) {
  std::string result;
  while (!literal.empty()) {
    const size_t plain = literal.find('\\');
    absl::StrAppend(&result, literal.substr(0, plain));
    if (plain == absl::string_view::npos)
      break;
    literal.remove_prefix(plain + 1);
    const char c = literal[0]; // the lexer saw a character behind each backslash
    const absl::string_view tail = literal.substr(1);
    const bool octal = c >= '0' && c <= '7';
    const size_t wanted = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (size_t letter = kLetters.find(c); letter != absl::string_view::npos) {
      result += kMeanings[letter];
      literal = tail;
    } else if (c == '\n') {
      literal = tail;
    } else if (octal || wanted) {
      const absl::string_view digits = octal ? literal : tail;
      const size_t count = countDigits(digits, octal ? 8 : 16, octal ? 3 : wanted);
      uint64_t code = 0;
      for (size_t i = 0; i < count; ++i)
        code = code * (octal ? 8 : 16) + digitValue(digits[i]);
      if (count < wanted || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
        failAt(line, "the escape \\", std::string(1, c), " is no character");
      appendCodePoint(static_cast<char32_t>(code), result);
      literal = digits.substr(count);
    } else if (c == 'N') {
      failAt(line, "characters by name, \\N{...}, are not supported; write the character itself");
    } else {
      result += '\\';
    }
  }
  return result;
}

} // namespace llmc::chat
