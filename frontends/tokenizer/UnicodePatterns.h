// Character classes that PCRE2's own do not match as the tokenizers define them.
#ifndef LLMC_FRONTENDS_TOKENIZER_UNICODEPATTERNS_H
#define LLMC_FRONTENDS_TOKENIZER_UNICODEPATTERNS_H

#include "absl/strings/string_view.h"
#include <string>

namespace llmc::tokenizer {

// Replaces \s and \S by Unicode's White_Space: PCRE2's \s also takes U+180E.
// \S must stand outside of a character class.
std::string expandUnicodeClasses(absl::string_view pattern);

} // namespace llmc::tokenizer

#endif
