// Operators, the loosest first.
#include "frontends/chat/jinja/Parser.h"

namespace llmc::chat {
namespace {

using Node = Expression::Kind;

std::vector<ExpressionPtr> operands() { return {}; }
template <class... Rest>
std::vector<ExpressionPtr> operands(ExpressionPtr first, Rest... rest) {
  std::vector<ExpressionPtr> result = operands(std::move(rest)...);
  result.insert(result.begin(), std::move(first));
  return result;
}

} // namespace

ExpressionPtr Parser::parseTuple(bool conditional, bool parentheses) {
  const int line = current().line;
  std::vector<ExpressionPtr> parts;
  bool tuple = false;
  const auto atEnd = [&] {
    return current().kind == Token::Kind::VariableEnd || current().kind == Token::Kind::BlockEnd ||
           isOperator(")") || isName("recursive");
  };
  while (true) {
    if (!parts.empty())
      expectOperator(",");
    if (atEnd())
      break;
    parts.push_back(conditional ? parseExpression() : parseOr());
    if (!isOperator(","))
      break;
    tuple = true;
  }
  if (!tuple && !parts.empty())
    return std::move(parts[0]);
  if (!tuple && !parentheses)
    unexpected("an expression");
  return make(Node::Tuple, line, std::move(parts));
}

ExpressionPtr Parser::parseConditional() {
  Nesting nesting(*this);
  const int line = current().line;
  ExpressionPtr value = parseOr();
  while (skipName("if")) {
    ExpressionPtr condition = parseOr(), otherwise;
    if (skipName("else"))
      otherwise = parseConditional();
    value = make(Node::Conditional, line,
                 operands(std::move(condition), std::move(value), std::move(otherwise)));
  }
  return value;
}

ExpressionPtr Parser::parseOr() {
  ExpressionPtr left = parseAnd();
  while (isName("or")) {
    const int line = next().line;
    left = make(Node::Or, line, operands(std::move(left), parseAnd()));
  }
  return left;
}

ExpressionPtr Parser::parseAnd() {
  ExpressionPtr left = parseNot();
  while (isName("and")) {
    const int line = next().line;
    left = make(Node::And, line, operands(std::move(left), parseNot()));
  }
  return left;
}

ExpressionPtr Parser::parseNot() {
  Nesting nesting(*this);
  if (!isName("not"))
    return parseCompare();
  const int line = next().line;
  return make(Node::Not, line, operands(parseNot()));
}

ExpressionPtr Parser::parseCompare() {
  const int line = current().line;
  std::vector<ExpressionPtr> parts = operands(parseSum());
  std::vector<std::string> operators;
  while (true) {
    std::string name;
    for (absl::string_view known : {"==", "!=", "<", "<=", ">", ">="})
      if (skipOperator(known))
        name = std::string(known);
    if (name.empty() && skipName("in"))
      name = "in";
    if (name.empty() && isName("not") && tokens_[at_ + 1].kind == Token::Kind::Name &&
        tokens_[at_ + 1].text == "in") {
      at_ += 2;
      name = "not in";
    }
    if (name.empty())
      break;
    operators.push_back(std::move(name));
    parts.push_back(parseSum());
  }
  if (operators.empty())
    return std::move(parts[0]);
  ExpressionPtr result = make(Node::Compare, line, std::move(parts));
  result->operators = std::move(operators);
  return result;
}

ExpressionPtr Parser::parseSum() {
  ExpressionPtr left = parseConcatenation();
  while (isOperator("+") || isOperator("-")) {
    const Token &sign = next();
    left =
        make(Node::Binary, sign.line, operands(std::move(left), parseConcatenation()), sign.text);
  }
  return left;
}

ExpressionPtr Parser::parseConcatenation() {
  const int line = current().line;
  std::vector<ExpressionPtr> parts = operands(parseProduct());
  while (skipOperator("~"))
    parts.push_back(parseProduct());
  return parts.size() == 1 ? std::move(parts[0]) : make(Node::Concatenate, line, std::move(parts));
}

ExpressionPtr Parser::parseProduct() {
  ExpressionPtr left = parsePower();
  while (isOperator("*") || isOperator("/") || isOperator("//") || isOperator("%")) {
    const Token &sign = next();
    left = make(Node::Binary, sign.line, operands(std::move(left), parsePower()), sign.text);
  }
  return left;
}

// Unlike Python's, from left to right.
ExpressionPtr Parser::parsePower() {
  ExpressionPtr left = parseUnary(/*filters=*/true);
  while (isOperator("**")) {
    const int line = next().line;
    left = make(Node::Binary, line, operands(std::move(left), parseUnary(true)), "**");
  }
  return left;
}

// Filters and tests bind looser than a sign in front.
ExpressionPtr Parser::parseUnary(bool filters) {
  Nesting nesting(*this);
  ExpressionPtr value;
  if (isOperator("-") || isOperator("+")) {
    const Token &sign = next();
    value = make(Node::Unary, sign.line, operands(parseUnary(/*filters=*/false)), sign.text);
  } else {
    value = parsePostfix(parsePrimary());
  }
  return filters ? parseFilters(std::move(value)) : std::move(value);
}

} // namespace llmc::chat
