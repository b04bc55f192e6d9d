// A template's text as tokens: Jinja's lexer with trim_blocks and lstrip_blocks on, as Hugging Face
// sets them.
#ifndef LLMC_FRONTENDS_CHAT_JINJA_LEXER_H
#define LLMC_FRONTENDS_CHAT_JINJA_LEXER_H

#include "absl/strings/string_view.h"
#include <string>
#include <vector>

namespace llmc::chat {

struct Token {
  enum class Kind {
    Text, // between tags, white space already taken off
    VariableBegin,
    VariableEnd,
    BlockBegin,
    BlockEnd,
    Name,
    String, // text: without quotes and escapes
    Integer,
    Float,
    Operator,
    End,
  };
  Kind kind;
  int line;
  std::string text = {};
};

// The last token is End. Throws TemplateError.
std::vector<Token> tokenize(absl::string_view source);

} // namespace llmc::chat

#endif
