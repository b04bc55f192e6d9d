#ifndef LLMC_FRONTENDS_CHAT_JINJA_STRINGLITERAL_H
#define LLMC_FRONTENDS_CHAT_JINJA_STRINGLITERAL_H

#include "absl/strings/string_view.h"
#include <string>

namespace llmc::chat {

// What a string literal between its quotes means, by Python's escapes. Throws TemplateError for
// `line`.
std::string unescapeLiteral(absl::string_view literal, int line);

} // namespace llmc::chat

#endif
