// Functions, macros, filters and tests.
#include "frontends/chat/jinja/EvaluatorScopes.h"
#include "frontends/chat/jinja/Filters.h"
#include "frontends/chat/jinja/Operators.h"
#include "frontends/chat/jinja/Tests.h"

namespace llmc::chat {

Arguments Evaluator::evaluateArguments(const std::vector<Argument> &arguments) {
  Arguments result;
  for (const Argument &argument : arguments) {
    const Value value = evaluate(*argument.value);
    switch (argument.form) {
    case Argument::Form::Positional:
      result.positional.push_back(value);
      break;
    case Argument::Form::Keyword:
      result.keywords.emplace_back(argument.name, value);
      break;
    case Argument::Form::Sequence:
      for (const Value &item : iterate(heap_, value))
        result.positional.push_back(item);
      break;
    case Argument::Form::Mapping:
      if (!value.isDict())
        fail("'**' needs a dict, not '", typeName(value), "'");
      for (const auto &[key, entry] : value.mapping().entries)
        result.keywords.emplace_back(textArgument("**", key), entry);
      break;
    }
  }
  return result;
}

Value Evaluator::call(const Value &callee, const Arguments &arguments) {
  if (callee.isUndefined())
    fail(callee.reason());
  if (!callee.is(Kind::Object))
    fail("'", typeName(callee), "' cannot be called");
  Depth depth(*this);
  return callee.object().call(*this, arguments);
}

// The filters of `expression`, the innermost first, on a value or on the text of a block.
Value Evaluator::evaluateFilters(const Expression &expression, const Value *block) {
  Value value;
  if (!expression.operands[0])
    value = *block;
  else if (block && expression.operands[0]->kind == Expression::Kind::Filter)
    value = evaluateFilters(*expression.operands[0], block);
  else
    value = evaluate(*expression.operands[0]);
  line_ = expression.line;
  return applyFilter(expression.name, value, evaluateArguments(expression.arguments));
}

Value Evaluator::applyFilter(absl::string_view name, const Value &value,
                             const Arguments &arguments) {
  Depth depth(*this);
  const Filter filter = findFilter(name);
  if (!filter)
    fail("there is no filter '", name, "'");
  return filter(*this, value, arguments);
}

bool Evaluator::applyTest(absl::string_view name, const Value &value, const Arguments &arguments) {
  Depth depth(*this);
  const Test test = findTest(name);
  if (!test)
    fail("there is no test '", name, "'");
  return test(*this, value, arguments);
}

Value Evaluator::callMacro(absl::string_view name, const Signature &signature, const Body &body,
                           Scope *definedIn, const Arguments &arguments) {
  const std::vector<std::string> &parameters = signature.parameters;
  const size_t given = std::min(arguments.positional.size(), parameters.size());
  if (arguments.positional.size() > given && !signature.takesMore)
    fail("the macro '", name, "' takes ", parameters.size(), " arguments at the most, not ",
         arguments.positional.size());
  InScope scope(*this, heap_.scope(definedIn));
  std::vector<std::pair<Value, Value>> further;
  std::vector<bool> set(parameters.size(), false);
  for (size_t i = 0; i < given; ++i) {
    setName(parameters[i], arguments.positional[i]);
    set[i] = true;
  }
  for (const auto &[keyword, value] : arguments.keywords) {
    const auto found = std::find(parameters.begin(), parameters.end(), keyword);
    if (found != parameters.end()) {
      if (set[found - parameters.begin()])
        fail("the macro '", name, "' is given its argument '", keyword, "' twice");
      setName(*found, value);
      set[found - parameters.begin()] = true;
    } else if (keyword == "caller" && signature.takesCaller) {
      setName("caller", value);
    } else if (signature.takesKeywords) {
      further.emplace_back(Value::text(keyword), value);
    } else {
      fail("the macro '", name, "' has no argument '", keyword, "'");
    }
  }
  // A default may use the parameters in front of it.
  const size_t required = parameters.size() - signature.defaults.size();
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (set[i])
      continue;
    setName(parameters[i], i >= required
                               ? evaluate(*signature.defaults[i - required])
                               : heap_.undefined(absl::StrCat("the argument '", parameters[i],
                                                              "' was not given")));
  }
  if (signature.takesMore)
    setName("varargs",
            heap_.tuple({arguments.positional.begin() + given, arguments.positional.end()}));
  if (signature.takesKeywords)
    setName("kwargs", heap_.dict(std::move(further)));
  std::string text;
  std::string *outer = std::exchange(out_, &text);
  const int line = line_;
  execute(body);
  line_ = line;
  out_ = outer;
  return heap_.text(std::move(text));
}

} // namespace llmc::chat
