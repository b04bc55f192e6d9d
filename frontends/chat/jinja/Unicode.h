// Characters of UTF-8 texts, as Python sees them.
#ifndef LLMC_FRONTENDS_CHAT_JINJA_UNICODE_H
#define LLMC_FRONTENDS_CHAT_JINJA_UNICODE_H

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "frontends/tokenizer/Utf8.h"
#include <string>
#include <vector>

namespace llmc::chat {

// All texts must be valid UTF-8.

using tokenizer::characterCount;
// The character that begins at `offset`.
absl::string_view characterAt(absl::string_view text, size_t offset);
std::vector<absl::string_view> characters(absl::string_view text);
char32_t codePoint(absl::string_view character);
void appendCodePoint(char32_t code, std::string &out);

bool isSpace(char32_t code);
bool isPrintable(char32_t code);
bool isAlphabetic(char32_t code);
bool isUpper(char32_t code);
bool isLower(char32_t code);
// Of one character, by its simple mapping.
char32_t toUpper(char32_t code);
char32_t toLower(char32_t code);

// `text` with each character mapped.
std::string mapCharacters(absl::string_view text, absl::FunctionRef<char32_t(char32_t)> map);

// `text` without the characters at its ends that `drop` holds for.
absl::string_view stripLeft(absl::string_view text, absl::FunctionRef<bool(char32_t)> drop);
absl::string_view stripRight(absl::string_view text, absl::FunctionRef<bool(char32_t)> drop);

} // namespace llmc::chat

#endif
