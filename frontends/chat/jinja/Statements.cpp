#include "frontends/chat/jinja/EvaluatorScopes.h"
#include "frontends/chat/jinja/Loop.h"
#include "frontends/chat/jinja/Macro.h"
#include "frontends/chat/jinja/Operators.h"
#include "frontends/chat/jinja/PythonText.h"

namespace llmc::chat {

std::string Evaluator::run(const Body &body) {
  std::string text;
  out_ = &text;
  try {
    execute(body);
  } catch (TemplateError &error) {
    error.line = line_;
    throw;
  }
  return text;
}

void Evaluator::write(absl::string_view text) {
  heap_.charge(text.size());
  absl::StrAppend(out_, text);
}

Evaluator::Flow Evaluator::capture(const Body &body, Value &text) {
  std::string written;
  InScope scope(*this, heap_.scope(scope_));
  std::string *outer = std::exchange(out_, &written);
  const Flow flow = execute(body);
  out_ = outer;
  text = heap_.text(std::move(written));
  return flow;
}

void Evaluator::setName(absl::string_view name, const Value &value) {
  if (Value *found = scope_->findHere(name)) {
    *found = value;
    return;
  }
  heap_.charge(sizeof(absl::string_view) + sizeof(Value));
  scope_->names.emplace_back(name, value);
}

void Evaluator::assign(const Target &target, const Value &value) {
  if (!target.attribute.empty()) {
    Value *found = scope_->find(target.name);
    if (!found || !found->is(Kind::Namespace))
      fail("'", target.name, "' is no namespace, so that its attributes cannot be set");
    return setEntry(heap_, found->mapping(), Value::text(target.attribute), value);
  }
  if (target.parts.empty())
    return setName(target.name, value);
  if (value.isUndefined())
    fail(value.reason());
  const std::vector<Value> items = iterate(heap_, value);
  if (items.size() != target.parts.size())
    fail(items.size(), " values cannot be unpacked to ", target.parts.size(), " names");
  for (size_t i = 0; i < items.size(); ++i)
    assign(target.parts[i], items[i]);
}

Evaluator::Flow Evaluator::execute(const Body &body) {
  Depth depth(*this);
  for (const Statement &statement : body)
    if (Flow flow = execute(statement); flow != Flow::On)
      return flow;
  return Flow::On;
}

Evaluator::Flow Evaluator::execute(const Statement &statement) {
  line_ = statement.line;
  switch (statement.kind) {
  case Statement::Kind::Text:
    write(statement.text);
    break;
  case Statement::Kind::Output:
    write(toText(heap_, evaluate(*statement.expression)));
    break;
  case Statement::Kind::For:
    return executeFor(statement);
  case Statement::Kind::If:
    return executeIf(statement);
  case Statement::Kind::Set:
    assign(statement.target, evaluate(*statement.expression));
    break;
  case Statement::Kind::SetBlock: {
    Value text;
    if (Flow flow = capture(statement.body, text); flow != Flow::On)
      return flow;
    assign(statement.target,
           statement.expression ? evaluateFilters(*statement.expression, &text) : text);
    break;
  }
  case Statement::Kind::Macro:
    setName(statement.text,
            heap_.object<Macro>(statement.text, statement.signature, statement.body, scope_));
    break;
  case Statement::Kind::Call:
    executeCall(statement);
    break;
  case Statement::Kind::Filter: {
    Value text;
    if (Flow flow = capture(statement.body, text); flow != Flow::On)
      return flow;
    write(toText(heap_, evaluateFilters(*statement.expression, &text)));
    break;
  }
  case Statement::Kind::With:
    return executeWith(statement);
  case Statement::Kind::Scope: {
    InScope scope(*this, heap_.scope(scope_));
    return execute(statement.body);
  }
  case Statement::Kind::Break:
    return Flow::Break;
  case Statement::Kind::Continue:
    return Flow::Continue;
  }
  return Flow::On;
}

Evaluator::Flow Evaluator::executeIf(const Statement &statement) {
  for (const Branch &branch : statement.branches)
    if (!branch.condition || isTrue(evaluate(*branch.condition)))
      return execute(branch.body);
  return Flow::On;
}

Evaluator::Flow Evaluator::executeFor(const Statement &statement) {
  std::vector<Value> items = iterate(heap_, evaluate(*statement.expression));
  if (statement.condition) {
    std::vector<Value> kept;
    for (const Value &item : items) {
      InScope scope(*this, heap_.scope(scope_));
      assign(statement.target, item);
      if (isTrue(evaluate(*statement.condition)))
        kept.push_back(item);
    }
    items = std::move(kept);
  }
  if (items.empty()) {
    InScope scope(*this, heap_.scope(scope_));
    return execute(statement.otherwise);
  }
  const Value loop = heap_.object<Loop>(items);
  for (size_t i = 0; i < items.size(); ++i) {
    static_cast<Loop &>(loop.object()).moveTo(i);
    InScope scope(*this, heap_.scope(scope_));
    setName("loop", loop);
    assign(statement.target, items[i]);
    if (execute(statement.body) == Flow::Break)
      break;
  }
  return Flow::On;
}

Evaluator::Flow Evaluator::executeWith(const Statement &with) {
  std::vector<Value> values = evaluateAll(with.values);
  InScope scope(*this, heap_.scope(scope_));
  for (size_t i = 0; i < values.size(); ++i)
    assign(with.targets[i], values[i]);
  return execute(with.body);
}

// The macro that is called gets the body as its `caller`.
void Evaluator::executeCall(const Statement &statement) {
  const Expression &expression = *statement.expression;
  const Value callee = evaluate(*expression.operands[0]);
  Arguments arguments = evaluateArguments(expression.arguments);
  arguments.keywords.emplace_back(
      "caller", heap_.object<Macro>("caller", statement.signature, statement.body, scope_));
  write(toText(heap_, call(callee, arguments)));
}

} // namespace llmc::chat
