// Where PCRE2's character classes and the tokenizers' differ.
#ifndef LLMC_FRONTENDS_TOKENIZER_UNICODEPATTERNS_H
#define LLMC_FRONTENDS_TOKENIZER_UNICODEPATTERNS_H

#include "absl/strings/string_view.h"
#include <string>

namespace llmc::tokenizer {

// Replaces \s and \S by Unicode's White_Space: PCRE2's \s also takes U+180E.
// \S must stand outside of a character class.
std::string expandUnicodeClasses(absl::string_view pattern);

// PCRE2 10.42 knows Unicode 14, llama.cpp 15.1. If `text`, valid UTF-8, has characters of the
// versions between, stores it in `out` with each of them replaced by an older one of the same
// category and length and returns true.
bool replaceNewerCharacters(absl::string_view text, std::string &out);

} // namespace llmc::tokenizer

#endif
