// Tags.
#include "absl/algorithm/container.h"
#include "frontends/chat/jinja/Parser.h"
#include "frontends/chat/jinja/TemplateError.h"

namespace llmc::chat {

Body Parser::parse() {
  Body body = parseBody({});
  return body;
}

// Up to the tag of one of `ends`, whose name is then the current token.
Body Parser::parseBody(std::initializer_list<absl::string_view> ends) {
  Nesting nesting(*this);
  const int line = at_ > 0 ? tokens_[at_ - 1].line : 1;
  Body body;
  while (true) {
    const Token &token = next();
    switch (token.kind) {
    case Token::Kind::Text: {
      Statement text{.kind = Statement::Kind::Text, .line = token.line};
      text.text = token.text;
      body.push_back(std::move(text));
      break;
    }
    case Token::Kind::VariableBegin: {
      Statement output{.kind = Statement::Kind::Output, .line = token.line};
      output.expression = parseTuple(/*conditional=*/true);
      if (current().kind != Token::Kind::VariableEnd)
        unexpected("'}}'");
      next();
      body.push_back(std::move(output));
      break;
    }
    case Token::Kind::BlockBegin:
      if (current().kind != Token::Kind::Name)
        unexpected("the name of a tag");
      if (absl::c_linear_search(ends, current().text))
        return body;
      body.push_back(parseStatement());
      expectBlockEnd();
      break;
    default:
      if (ends.size() == 0)
        return body;
      failAt(token.line, "'", *(ends.end() - 1), "' is missing; the block begins in line ", line);
    }
  }
}

void Parser::expectBlockEnd() {
  if (current().kind != Token::Kind::BlockEnd)
    unexpected("'%}'");
  next();
}

Statement Parser::parseStatement() {
  const Token &token = current();
  const absl::string_view name = token.text;
  if (name == "for")
    return parseFor();
  if (name == "if")
    return parseIf();
  if (name == "set")
    return parseSet();
  if (name == "macro")
    return parseMacro();
  if (name == "call")
    return parseCall();
  if (name == "filter")
    return parseFilterBlock();
  if (name == "with")
    return parseWith();
  next();
  if (name == "generation") { // marks what the assistant says, for training
    expectBlockEnd();
    Statement scope{.kind = Statement::Kind::Scope, .line = token.line};
    Signature none;
    scope.body = parseMacroBody(none, "endgeneration");
    return scope;
  }
  if (name == "break" || name == "continue") {
    if (loops_ == 0)
      failAt(token.line, "'", name, "' stands outside of a loop");
    return {.kind = name == "break" ? Statement::Kind::Break : Statement::Kind::Continue,
            .line = token.line};
  }
  if (name == "include" || name == "import" || name == "from" || name == "extends" ||
      name == "block")
    failAt(token.line, "'", name, "' is not supported: a chat template is one file");
  failAt(token.line, "there is no tag '", name, "' here");
}

Statement Parser::parseFor() {
  Statement loop{.kind = Statement::Kind::For, .line = next().line};
  loop.target = parseTarget(/*attributes=*/false);
  expectName("in");
  loop.expression = parseTuple(/*conditional=*/false);
  if (skipName("if"))
    loop.condition = parseExpression();
  if (isName("recursive"))
    failAt(loop.line, "recursive loops are not supported; write a macro that calls itself");
  expectBlockEnd();
  ++loops_;
  loop.body = parseBody({"else", "endfor"});
  --loops_;
  if (skipName("else")) {
    expectBlockEnd();
    loop.otherwise = parseBody({"endfor"});
  }
  next();
  return loop;
}

Statement Parser::parseIf() {
  Statement result{.kind = Statement::Kind::If, .line = next().line};
  ExpressionPtr condition = parseTuple(/*conditional=*/false);
  while (true) {
    expectBlockEnd();
    const bool last = !condition;
    Branch branch{std::move(condition), {}};
    if (last)
      branch.body = parseBody({"endif"});
    else
      branch.body = parseBody({"elif", "else", "endif"});
    result.branches.push_back(std::move(branch));
    const std::string end = next().text;
    if (end == "endif")
      return result;
    condition = end == "elif" ? parseTuple(/*conditional=*/false) : nullptr;
  }
}

Target Parser::parseTarget(bool attributes) {
  Nesting nesting(*this);
  const auto one = [&]() -> Target {
    if (skipOperator("(")) {
      Target inner = parseTarget(false);
      expectOperator(")");
      return inner;
    }
    const int line = current().line;
    Target target{.name = expectAnyName("a name")};
    for (absl::string_view known : {"true", "false", "none", "True", "False", "None", "in"})
      if (target.name == known)
        failAt(line, "'", known, "' cannot be assigned to");
    if (attributes && skipOperator("."))
      target.attribute = expectAnyName("the name of an attribute");
    return target;
  };
  Target first = one();
  if (!isOperator(","))
    return first;
  Target tuple;
  tuple.parts.push_back(std::move(first));
  while (skipOperator(",")) {
    if (isName("in") || isOperator("=") || isOperator(")"))
      break;
    tuple.parts.push_back(one());
  }
  return tuple;
}

Statement Parser::parseSet() {
  Statement set{.kind = Statement::Kind::Set, .line = next().line};
  set.target = parseTarget(/*attributes=*/true);
  if (skipOperator("=")) {
    set.expression = parseTuple(/*conditional=*/true);
    return set;
  }
  set.kind = Statement::Kind::SetBlock;
  set.expression = parseFilters(nullptr);
  expectBlockEnd();
  set.body = parseBody({"endset"});
  next();
  return set;
}

Signature Parser::parseSignature() {
  Signature signature;
  expectOperator("(");
  while (!isOperator(")")) {
    if (!signature.parameters.empty())
      expectOperator(",");
    signature.parameters.push_back(expectAnyName("the name of a parameter"));
    if (skipOperator("="))
      signature.defaults.push_back(parseExpression());
    else if (!signature.defaults.empty())
      failAt(current().line, "the parameter '", signature.parameters.back(),
             "' needs a default, as one in front of it has");
  }
  expectOperator(")");
  return signature;
}

// A body that may use varargs, kwargs and caller, and whose loops are its own.
Body Parser::parseMacroBody(Signature &signature, absl::string_view end) {
  Signature *outer = std::exchange(macro_, &signature);
  const int loops = std::exchange(loops_, 0);
  Body body = parseBody({end});
  next();
  loops_ = loops;
  macro_ = outer;
  return body;
}

Statement Parser::parseMacro() {
  Statement macro{.kind = Statement::Kind::Macro, .line = next().line};
  macro.text = expectAnyName("the name of the macro");
  macro.signature = parseSignature();
  expectBlockEnd();
  macro.body = parseMacroBody(macro.signature, "endmacro");
  return macro;
}

Statement Parser::parseCall() {
  Statement call{.kind = Statement::Kind::Call, .line = next().line};
  if (isOperator("("))
    call.signature = parseSignature();
  call.expression = parseExpression();
  if (call.expression->kind != Expression::Kind::Call)
    failAt(call.line, "'call' needs a call");
  expectBlockEnd();
  call.body = parseMacroBody(call.signature, "endcall");
  return call;
}

Statement Parser::parseFilterBlock() {
  Statement filter{.kind = Statement::Kind::Filter, .line = next().line};
  filter.expression = parseFilters(nullptr, /*blockStart=*/true);
  expectBlockEnd();
  filter.body = parseBody({"endfilter"});
  next();
  return filter;
}

Statement Parser::parseWith() {
  Statement with{.kind = Statement::Kind::With, .line = next().line};
  while (current().kind != Token::Kind::BlockEnd) {
    if (!with.targets.empty())
      expectOperator(",");
    with.targets.push_back(parseTarget(/*attributes=*/false));
    expectOperator("=");
    with.values.push_back(parseExpression());
  }
  expectBlockEnd();
  with.body = parseBody({"endwith"});
  next();
  return with;
}

} // namespace llmc::chat
