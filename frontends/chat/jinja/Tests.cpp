#include "frontends/chat/jinja/Tests.h"
#include "frontends/chat/jinja/Filters.h"
#include "frontends/chat/jinja/Operators.h"
#include "frontends/chat/jinja/PythonText.h"
#include "frontends/chat/jinja/TextOperations.h"

namespace llmc::chat {
namespace {

// A test without arguments that only looks at the value.
template <bool (*holds)(const Value &)>
bool simple(Evaluator &, const Value &value, const Arguments &arguments) {
  bindArguments("this test", arguments, {});
  return holds(value);
}

bool isDefined(const Value &value) { return !value.isUndefined(); }
bool isUndefined(const Value &value) { return value.isUndefined(); }
bool isNone(const Value &value) { return value.isNone(); }
bool isBoolean(const Value &value) { return value.is(Kind::Boolean); }
bool isTrueItself(const Value &value) { return isBoolean(value) && value.asInteger(); }
bool isFalseItself(const Value &value) { return isBoolean(value) && !value.asInteger(); }
bool isInteger(const Value &value) { return value.is(Kind::Integer); }
bool isFloat(const Value &value) { return value.is(Kind::Float); }
bool isNumber(const Value &value) { return value.isNumber(); }
bool isText(const Value &value) { return value.isText(); }
bool isMapping(const Value &value) { return value.isDict(); }
// Undefined values can be looped over, and have a length.
bool isSequence(const Value &value) {
  return value.isText() || value.isSequence() || value.isDict() || value.isUndefined();
}
bool isCallable(const Value &value) { return value.is(Kind::Object) && value.object().callable(); }

template <char sign>
bool compares(Evaluator &evaluator, const Value &value, const Arguments &arguments) {
  const auto bound = bindArguments("this test", arguments, {"other"}, 1);
  constexpr absl::string_view signs[] = {"==", "!=", "<", "<=", ">", ">=", "in"};
  return compare(evaluator.heap(), value, signs[int(sign)], *bound[0]);
}

bool divisibleBy(Evaluator &evaluator, const Value &value, const Arguments &arguments) {
  const auto bound = bindArguments("divisibleby", arguments, {"num"}, 1);
  return isEqual(evaluator.heap(), binary(evaluator.heap(), value, "%", *bound[0]),
                 Value::integer(0));
}

template <int remainder>
bool parity(Evaluator &evaluator, const Value &value, const Arguments &arguments) {
  bindArguments("this test", arguments, {});
  return isEqual(evaluator.heap(), binary(evaluator.heap(), value, "%", Value::integer(2)),
                 Value::integer(remainder));
}

// Whether both are one object; plain values are when they are equal.
bool isSameAs(Evaluator &evaluator, const Value &value, const Arguments &arguments) {
  const auto bound = bindArguments("sameas", arguments, {"other"}, 1);
  const Value &other = *bound[0];
  if (value.kind() != other.kind())
    return false;
  if (value.isSequence())
    return &value.sequence() == &other.sequence();
  if (value.isDict())
    return &value.mapping() == &other.mapping();
  return isEqual(evaluator.heap(), value, other);
}

template <std::string (*map)(absl::string_view), std::string (*otherMap)(absl::string_view)>
bool hasCase(Evaluator &evaluator, const Value &value, const Arguments &arguments) {
  bindArguments("this test", arguments, {});
  const std::string text = toText(evaluator.heap(), value);
  evaluator.heap().work(text.size());
  return map(text) == text && otherMap(text) != text;
}

bool isFilter(Evaluator &, const Value &value, const Arguments &arguments) {
  bindArguments("filter", arguments, {});
  return value.isText() && findFilter(value.asText());
}

bool isTest(Evaluator &, const Value &value, const Arguments &arguments) {
  bindArguments("test", arguments, {});
  return value.isText() && findTest(value.asText());
}

struct TestEntry {
  absl::string_view name;
  Test test;
};

enum Sign : char { Equal, Unequal, Less, LessOrEqual, Greater, GreaterOrEqual, In };

constexpr TestEntry kTests[] = {
    {"boolean", simple<isBoolean>},
    {"callable", simple<isCallable>},
    {"defined", simple<isDefined>},
    {"divisibleby", divisibleBy},
    {"eq", compares<Equal>},
    {"equalto", compares<Equal>},
    {"==", compares<Equal>},
    {"even", parity<0>},
    {"false", simple<isFalseItself>},
    {"filter", isFilter},
    {"float", simple<isFloat>},
    {"ge", compares<GreaterOrEqual>},
    {">=", compares<GreaterOrEqual>},
    {"greaterthan", compares<Greater>},
    {"gt", compares<Greater>},
    {">", compares<Greater>},
    {"in", compares<In>},
    {"integer", simple<isInteger>},
    {"iterable", simple<isSequence>},
    {"le", compares<LessOrEqual>},
    {"<=", compares<LessOrEqual>},
    {"lessthan", compares<Less>},
    {"lower", hasCase<lowercase, uppercase>},
    {"lt", compares<Less>},
    {"<", compares<Less>},
    {"mapping", simple<isMapping>},
    {"ne", compares<Unequal>},
    {"!=", compares<Unequal>},
    {"none", simple<isNone>},
    {"number", simple<isNumber>},
    {"odd", parity<1>},
    {"sameas", isSameAs},
    {"sequence", simple<isSequence>},
    {"string", simple<isText>},
    {"test", isTest},
    {"true", simple<isTrueItself>},
    {"undefined", simple<isUndefined>},
    {"upper", hasCase<uppercase, lowercase>},
};

} // namespace

Test findTest(absl::string_view name) {
  for (const TestEntry &entry : kTests)
    if (entry.name == name)
      return entry.test;
  return nullptr;
}

} // namespace llmc::chat
