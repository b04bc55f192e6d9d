#include "frontends/chat/jinja/Evaluator.h"
#include "frontends/chat/jinja/EvaluatorScopes.h"
#include "frontends/chat/jinja/Operators.h"
#include "frontends/chat/jinja/PythonText.h"
#include "frontends/chat/jinja/Slices.h"

namespace llmc::chat {

Value Evaluator::evaluate(const Expression &expression) {
  Depth depth(*this);
  // After an error the line stays, for the message.
  const int outer = std::exchange(line_, expression.line);
  const Value result = evaluateKind(expression);
  line_ = outer;
  return result;
}

std::vector<Value> Evaluator::evaluateAll(const std::vector<ExpressionPtr> &expressions) {
  std::vector<Value> values;
  for (const ExpressionPtr &expression : expressions)
    values.push_back(evaluate(*expression));
  return values;
}

Value Evaluator::evaluateKind(const Expression &expression) {
  const auto operand = [&](size_t i) { return evaluate(*expression.operands[i]); };
  switch (expression.kind) {
  case Expression::Kind::Constant:
    return expression.constant;
  case Expression::Kind::Name:
    if (Value *found = scope_->find(expression.name))
      return *found;
    return heap_.undefined(absl::StrCat("'", expression.name, "' is undefined"));
  case Expression::Kind::List:
    return heap_.list(evaluateAll(expression.operands));
  case Expression::Kind::Tuple:
    return heap_.tuple(evaluateAll(expression.operands));
  case Expression::Kind::Dict: {
    const Value dict = heap_.dict({});
    for (size_t i = 0; i < expression.operands.size(); i += 2) {
      const Value key = operand(i);
      setEntry(heap_, dict.mapping(), key, operand(i + 1));
    }
    return dict;
  }
  case Expression::Kind::Attribute:
    return attribute(operand(0), expression.name);
  case Expression::Kind::Subscript: {
    const Value value = operand(0);
    return subscript(value, operand(1));
  }
  case Expression::Kind::Slice:
    return evaluateSlice(expression);
  case Expression::Kind::Call: {
    const Value callee = operand(0);
    return call(callee, evaluateArguments(expression.arguments));
  }
  case Expression::Kind::Filter:
    return evaluateFilters(expression, nullptr);
  case Expression::Kind::Test: {
    const Value value = operand(0);
    return Value::boolean(
        applyTest(expression.name, value, evaluateArguments(expression.arguments)));
  }
  case Expression::Kind::Not:
    return Value::boolean(!isTrue(operand(0)));
  case Expression::Kind::And: {
    const Value left = operand(0);
    return isTrue(left) ? operand(1) : left;
  }
  case Expression::Kind::Or: {
    const Value left = operand(0);
    return isTrue(left) ? left : operand(1);
  }
  case Expression::Kind::Unary: {
    const Value value = operand(0);
    return expression.name == "-" ? negate(heap_, value)
                                  : binary(heap_, Value::integer(0), "+", value);
  }
  case Expression::Kind::Binary: {
    const Value left = operand(0);
    return binary(heap_, left, expression.name, operand(1));
  }
  case Expression::Kind::Concatenate: {
    std::string text;
    for (const Value &part : evaluateAll(expression.operands)) {
      const std::string more = toText(heap_, part);
      heap_.charge(more.size());
      text += more;
    }
    return heap_.text(std::move(text));
  }
  case Expression::Kind::Compare:
    return evaluateCompare(expression);
  case Expression::Kind::Conditional:
    if (isTrue(operand(0)))
      return operand(1);
    if (expression.operands[2])
      return operand(2);
    return Value::undefined("the value of an 'if' without 'else' is undefined");
  }
  return {};
}

// As in Python, each operand is evaluated once and only while the comparisons hold.
Value Evaluator::evaluateCompare(const Expression &expression) {
  Value left = evaluate(*expression.operands[0]);
  for (size_t i = 0; i < expression.operators.size(); ++i) {
    const Value right = evaluate(*expression.operands[i + 1]);
    if (!compare(heap_, left, expression.operators[i], right))
      return Value::boolean(false);
    left = right;
  }
  return Value::boolean(true);
}

Value Evaluator::evaluateSlice(const Expression &expression) {
  const Value value = evaluate(*expression.operands[0]);
  std::optional<int64_t> bounds[3];
  for (size_t i = 0; i < 3; ++i) {
    if (!expression.operands[i + 1])
      continue;
    if (const Value bound = evaluate(*expression.operands[i + 1]); !bound.isNone())
      bounds[i] = integerArgument("a slice", bound);
  }
  return slice(heap_, value, bounds[0], bounds[1], bounds[2]);
}

} // namespace llmc::chat
