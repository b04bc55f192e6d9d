// How the parser walks over its tokens, and its limits.
#include "frontends/chat/jinja/Parser.h"
#include "frontends/chat/jinja/TemplateError.h"

namespace llmc::chat {
namespace {

// Of brackets, blocks and operators in each other: evaluation is as deep, and has a stack to keep.
constexpr int kDeepest = 240;

} // namespace

Parser::Nesting::Nesting(Parser &parser) : parser_(parser) {
  if (++parser_.nesting_ > kDeepest) {
    --parser_.nesting_;
    failAt(parser_.current().line, "the template is nested too deeply");
  }
}

ExpressionPtr Parser::make(Expression::Kind kind, int line, std::vector<ExpressionPtr> operands,
                           std::string name, std::vector<Argument> arguments) {
  auto result = std::make_unique<Expression>();
  result->kind = kind;
  result->line = line;
  result->name = std::move(name);
  result->operands = std::move(operands);
  result->arguments = std::move(arguments);
  const auto deepen = [&](const ExpressionPtr &part) {
    if (part)
      result->depth = std::max(result->depth, part->depth + 1);
  };
  for (const ExpressionPtr &operand : result->operands)
    deepen(operand);
  for (const Argument &argument : result->arguments)
    deepen(argument.value);
  // A chain such as a + b + c... is as deep as it is long.
  if (result->depth > kDeepest)
    failAt(line, "an expression has too many parts in a row; build it in several steps");
  return result;
}

const Token &Parser::next() {
  const Token &token = tokens_[at_];
  if (token.kind != Token::Kind::End)
    ++at_;
  return token;
}

bool Parser::isOperator(absl::string_view text) const {
  return current().kind == Token::Kind::Operator && current().text == text;
}

bool Parser::isName(absl::string_view text) const {
  return current().kind == Token::Kind::Name && current().text == text;
}

bool Parser::skipOperator(absl::string_view text) {
  const bool found = isOperator(text);
  at_ += found;
  return found;
}

bool Parser::skipName(absl::string_view text) {
  const bool found = isName(text);
  at_ += found;
  return found;
}

void Parser::expectOperator(absl::string_view text) {
  if (!skipOperator(text))
    unexpected(absl::StrCat("'", text, "'"));
}

void Parser::expectName(absl::string_view text) {
  if (!skipName(text))
    unexpected(absl::StrCat("'", text, "'"));
}

std::string Parser::expectAnyName(absl::string_view what) {
  if (current().kind != Token::Kind::Name)
    unexpected(what);
  return next().text;
}

void Parser::unexpected(absl::string_view wanted) const {
  failAt(current().line, "found ", describe(current()), " where ", wanted, " is expected");
}

std::string Parser::describe(const Token &token) const {
  switch (token.kind) {
  case Token::Kind::VariableEnd:
    return "'}}'";
  case Token::Kind::BlockEnd:
    return "'%}'";
  case Token::Kind::End:
    return "the end of the template";
  case Token::Kind::String:
    return "a string";
  case Token::Kind::Text:
  case Token::Kind::VariableBegin:
  case Token::Kind::BlockBegin:
    return "the end of a tag";
  default:
    return absl::StrCat("'", token.text, "'");
  }
}

} // namespace llmc::chat
