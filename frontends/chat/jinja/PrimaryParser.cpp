// Constants, names, containers, and what may stand behind a value: attributes, subscripts, calls,
// filters and tests.
#include "absl/strings/numbers.h"
#include "frontends/chat/jinja/Parser.h"
#include "frontends/chat/jinja/TemplateError.h"

namespace llmc::chat {
namespace {

using Node = Expression::Kind;

std::vector<ExpressionPtr> single(ExpressionPtr value) {
  std::vector<ExpressionPtr> result;
  result.push_back(std::move(value));
  return result;
}

std::vector<ExpressionPtr> pair(ExpressionPtr first, ExpressionPtr second) {
  std::vector<ExpressionPtr> result = single(std::move(first));
  result.push_back(std::move(second));
  return result;
}

Value numberOf(const Token &token) {
  if (token.kind == Token::Kind::Float) {
    double number = 0;
    (void)absl::SimpleAtod(token.text, &number); // too large is infinity, as in Python
    return Value::number(number);
  }
  int64_t number;
  if (token.text.size() > 1 && token.text[0] == '0' &&
      token.text.find_first_not_of('0') != std::string::npos)
    failAt(token.line, "'", token.text, "' begins with 0; only a number alone may");
  if (!absl::SimpleAtoi(token.text, &number))
    failAt(token.line, "the number ", token.text, " is too large");
  return Value::integer(number);
}

} // namespace

// A macro takes further arguments only if its body speaks of them.
void Parser::useName(const std::string &name) {
  if (!macro_)
    return;
  macro_->takesMore |= name == "varargs";
  macro_->takesKeywords |= name == "kwargs";
  macro_->takesCaller |= name == "caller";
}

ExpressionPtr Parser::parsePrimary() {
  const Token &token = current();
  const auto constant = [&](Value value) {
    ExpressionPtr result = make(Node::Constant, token.line, {});
    result->constant = value;
    return result;
  };
  switch (token.kind) {
  case Token::Kind::Name:
    next();
    if (token.text == "true" || token.text == "True")
      return constant(Value::boolean(true));
    if (token.text == "false" || token.text == "False")
      return constant(Value::boolean(false));
    if (token.text == "none" || token.text == "None")
      return constant(Value::none());
    useName(token.text);
    return make(Node::Name, token.line, {}, token.text);
  case Token::Kind::String: {
    ExpressionPtr result = make(Node::Constant, token.line, {});
    while (current().kind == Token::Kind::String) // neighbours are one
      result->name += next().text;
    result->constant = Value::text(result->name);
    return result;
  }
  case Token::Kind::Integer:
  case Token::Kind::Float:
    next();
    return constant(numberOf(token));
  default:
    break;
  }
  if (skipOperator("(")) {
    ExpressionPtr result = parseTuple(/*conditional=*/true, /*parentheses=*/true);
    expectOperator(")");
    return result;
  }
  if (skipOperator("["))
    return parseList();
  if (skipOperator("{"))
    return parseDict();
  unexpected("a value");
}

ExpressionPtr Parser::parseList() {
  const int line = current().line;
  std::vector<ExpressionPtr> items;
  while (!isOperator("]")) {
    if (!items.empty())
      expectOperator(",");
    if (isOperator("]"))
      break;
    items.push_back(parseExpression());
  }
  expectOperator("]");
  return make(Node::List, line, std::move(items));
}

ExpressionPtr Parser::parseDict() {
  const int line = current().line;
  std::vector<ExpressionPtr> items;
  while (!isOperator("}")) {
    if (!items.empty())
      expectOperator(",");
    if (isOperator("}"))
      break;
    items.push_back(parseExpression());
    expectOperator(":");
    items.push_back(parseExpression());
  }
  expectOperator("}");
  return make(Node::Dict, line, std::move(items));
}

ExpressionPtr Parser::parsePostfix(ExpressionPtr value) {
  while (true) {
    const int line = current().line;
    if (skipOperator("."))
      value = parseAttribute(std::move(value));
    else if (skipOperator("["))
      value = parseSubscript(std::move(value));
    else if (isOperator("("))
      value = make(Node::Call, line, single(std::move(value)), "", parseArguments());
    else
      return value;
  }
}

ExpressionPtr Parser::parseAttribute(ExpressionPtr value) {
  const Token &token = next();
  if (token.kind == Token::Kind::Name)
    return make(Node::Attribute, token.line, single(std::move(value)), token.text);
  if (token.kind != Token::Kind::Integer)
    failAt(token.line, "found ", describe(token), " where a name or a number is expected");
  ExpressionPtr index = make(Node::Constant, token.line, {});
  index->constant = numberOf(token);
  return make(Node::Subscript, token.line, pair(std::move(value), std::move(index)));
}

ExpressionPtr Parser::parseSubscript(ExpressionPtr value) {
  const int line = current().line;
  std::vector<ExpressionPtr> parts = single(std::move(value));
  const auto bound = [&]() -> ExpressionPtr {
    return isOperator(":") || isOperator("]") ? nullptr : parseExpression();
  };
  parts.push_back(bound());
  if (!isOperator(":")) {
    if (!parts.back())
      unexpected("an index");
    expectOperator("]");
    return make(Node::Subscript, line, std::move(parts));
  }
  while (parts.size() < 4)
    parts.push_back(skipOperator(":") ? bound() : nullptr);
  expectOperator("]");
  return make(Node::Slice, line, std::move(parts));
}

ExpressionPtr Parser::parseFilters(ExpressionPtr value, bool blockStart) {
  while (true) {
    const int line = current().line;
    if (blockStart || skipOperator("|")) {
      blockStart = false;
      std::string name = expectAnyName("the name of a filter");
      while (skipOperator("."))
        absl::StrAppend(&name, ".", expectAnyName("the name of a filter"));
      std::vector<Argument> arguments;
      if (isOperator("("))
        arguments = parseArguments();
      value =
          make(Node::Filter, line, single(std::move(value)), std::move(name), std::move(arguments));
    } else if (value && skipName("is")) {
      value = parseTest(std::move(value));
    } else if (value && isOperator("(")) {
      value = make(Node::Call, line, single(std::move(value)), "", parseArguments());
    } else {
      return value;
    }
  }
}

ExpressionPtr Parser::parseTest(ExpressionPtr value) {
  const int line = current().line;
  const bool negated = skipName("not");
  std::string name = expectAnyName("the name of a test");
  std::vector<Argument> arguments;
  const bool argumentFollows =
      current().kind == Token::Kind::Name || current().kind == Token::Kind::String ||
      current().kind == Token::Kind::Integer || current().kind == Token::Kind::Float ||
      isOperator("[") || isOperator("{");
  if (isOperator("(")) {
    arguments = parseArguments();
  } else if (argumentFollows && !isName("else") && !isName("or") && !isName("and")) {
    if (isName("is"))
      failAt(line, "tests cannot follow each other; combine them with 'and'");
    arguments.push_back({.value = parsePostfix(parsePrimary())});
  }
  ExpressionPtr test =
      make(Node::Test, line, single(std::move(value)), std::move(name), std::move(arguments));
  return negated ? make(Node::Not, line, single(std::move(test))) : std::move(test);
}

std::vector<Argument> Parser::parseArguments() {
  Nesting nesting(*this);
  expectOperator("(");
  std::vector<Argument> arguments;
  bool named = false;
  while (!isOperator(")")) {
    if (!arguments.empty())
      expectOperator(",");
    if (isOperator(")"))
      break;
    Argument argument;
    if (skipOperator("**")) {
      argument.form = Argument::Form::Mapping;
    } else if (skipOperator("*")) {
      argument.form = Argument::Form::Sequence;
    } else if (current().kind == Token::Kind::Name &&
               tokens_[at_ + 1].kind == Token::Kind::Operator && tokens_[at_ + 1].text == "=") {
      argument.form = Argument::Form::Keyword;
      argument.name = next().text;
      next();
    } else if (named) {
      unexpected("a named argument");
    }
    named |= argument.form == Argument::Form::Keyword || argument.form == Argument::Form::Mapping;
    argument.value = parseExpression();
    arguments.push_back(std::move(argument));
  }
  expectOperator(")");
  return arguments;
}

} // namespace llmc::chat
