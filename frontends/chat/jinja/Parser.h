// Tokens to syntax, by Jinja's grammar.
#ifndef LLMC_FRONTENDS_CHAT_JINJA_PARSER_H
#define LLMC_FRONTENDS_CHAT_JINJA_PARSER_H

#include "frontends/chat/jinja/Lexer.h"
#include "frontends/chat/jinja/Syntax.h"

namespace llmc::chat {

class Parser {
public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  // The whole template. Throws TemplateError.
  Body parse();

private:
  // ParserTokens.cpp
  const Token &current() const { return tokens_[at_]; }
  const Token &next();
  bool isOperator(absl::string_view text) const;
  bool isName(absl::string_view text) const;
  bool skipOperator(absl::string_view text);
  bool skipName(absl::string_view text);
  void expectOperator(absl::string_view text);
  void expectName(absl::string_view text);
  std::string expectAnyName(absl::string_view what);
  [[noreturn]] void unexpected(absl::string_view wanted) const;
  std::string describe(const Token &token) const;

  // StatementParser.cpp
  Body parseBody(std::initializer_list<absl::string_view> ends);
  Statement parseStatement();
  Statement parseFor();
  Statement parseIf();
  Statement parseSet();
  Statement parseMacro();
  Statement parseCall();
  Statement parseFilterBlock();
  Statement parseWith();
  Target parseTarget(bool attributes);
  Signature parseSignature();
  Body parseMacroBody(Signature &signature, absl::string_view end);
  void expectBlockEnd();

  // ExpressionParser.cpp
  ExpressionPtr parseExpression() { return parseConditional(); }
  // Also "a, b", which is a tuple; "()" only with `parentheses`.
  ExpressionPtr parseTuple(bool conditional, bool parentheses = false);
  ExpressionPtr parseConditional();
  ExpressionPtr parseOr();
  ExpressionPtr parseAnd();
  ExpressionPtr parseNot();
  ExpressionPtr parseCompare();
  ExpressionPtr parseSum();
  ExpressionPtr parseConcatenation();
  ExpressionPtr parseProduct();
  ExpressionPtr parsePower();
  ExpressionPtr parseUnary(bool filters);

  // PrimaryParser.cpp
  ExpressionPtr parsePrimary();
  ExpressionPtr parsePostfix(ExpressionPtr value);
  ExpressionPtr parseFilters(ExpressionPtr value, bool blockStart = false);
  ExpressionPtr parseTest(ExpressionPtr value);
  ExpressionPtr parseAttribute(ExpressionPtr value);
  ExpressionPtr parseSubscript(ExpressionPtr value);
  ExpressionPtr parseDict();
  ExpressionPtr parseList();
  std::vector<Argument> parseArguments();
  void useName(const std::string &name);

  ExpressionPtr make(Expression::Kind kind, int line, std::vector<ExpressionPtr> operands,
                     std::string name = {}, std::vector<Argument> arguments = {});
  class Nesting;

  std::vector<Token> tokens_;
  size_t at_ = 0;
  int nesting_ = 0, loops_ = 0;
  Signature *macro_ = nullptr; // whose body is being parsed
};

// Counts how deep the parser calls itself.
class Parser::Nesting {
public:
  explicit Nesting(Parser &parser);
  ~Nesting() { --parser_.nesting_; }
  Nesting(const Nesting &) = delete;
  Nesting &operator=(const Nesting &) = delete;

private:
  Parser &parser_;
};

} // namespace llmc::chat

#endif
