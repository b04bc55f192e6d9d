// Filters of numbers and of any value.
#include "absl/strings/numbers.h"
#include "frontends/chat/jinja/Filters.h"
#include "frontends/chat/jinja/Json.h"
#include "frontends/chat/jinja/Operators.h"
#include "frontends/chat/jinja/TemplateError.h"
#include "frontends/chat/jinja/TextOperations.h"
#include <cerrno>
#include <cmath>
#include <cstdlib>

namespace llmc::chat {
namespace {

constexpr int64_t kWidestIndent = 100, kMostDigits = 300;
constexpr double kLargestWhole = 9.2e18; // nearly the largest of 64 bits

Value defaultValue(Evaluator &, const Value &value, const Arguments &arguments) {
  const auto bound = bindArguments("default", arguments, {"default_value", "boolean"});
  const bool missing = value.isUndefined() || (bound[1] && isTrue(*bound[1]) && !isTrue(value));
  return missing ? bound[0].value_or(Value::text("")) : value;
}

Value toJsonFilter(Evaluator &evaluator, const Value &value, const Arguments &arguments) {
  const auto bound =
      bindArguments("tojson", arguments, {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style;
  style.asciiOnly = bound[0] && isTrue(*bound[0]);
  style.sortKeys = bound[3] && isTrue(*bound[3]);
  if (bound[1] && !bound[1]->isNone()) {
    style.multiline = true;
    style.itemSeparator = ",";
    if (bound[1]->isText())
      style.indent = std::string(bound[1]->asText());
    else
      style.indent.assign(
          std::clamp<int64_t>(integerArgument("tojson", *bound[1]), 0, kWidestIndent), ' ');
  }
  if (bound[2] && !bound[2]->isNone()) {
    const std::vector<Value> pair = iterate(evaluator.heap(), *bound[2]);
    if (pair.size() != 2)
      fail("the separators of 'tojson' are two strings");
    style.itemSeparator = std::string(textArgument("tojson", pair[0]));
    style.keySeparator = std::string(textArgument("tojson", pair[1]));
  }
  return evaluator.heap().text(toJson(evaluator.heap(), value, style));
}

Value attr(Evaluator &evaluator, const Value &value, const Arguments &arguments) {
  const auto bound = bindArguments("attr", arguments, {"name"}, 1);
  const absl::string_view name = textArgument("attr", *bound[0]);
  // Unlike value.name this never is an entry.
  if (value.isDict() && value.mapping().find(name))
    return evaluator.heap().undefined(absl::StrCat("'dict object' has no attribute '", name, "'"));
  return evaluator.attribute(value, name);
}

// A number as Python's float() reads it.
std::optional<double> parseNumber(Heap &heap, absl::string_view text) {
  double number;
  if (!absl::SimpleAtod(strip(heap, text, std::nullopt, true, true), &number))
    return std::nullopt;
  return number;
}

// Digits as Python's int() reads them; `base` is from 2 to 36.
std::optional<int64_t> parseInteger(Heap &heap, absl::string_view text, int64_t base) {
  text = strip(heap, text, std::nullopt, true, true);
  std::string digits;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool between = i > 0 && i + 1 < text.size() && text[i - 1] != '_' && text[i + 1] != '_';
    if (text[i] != '_')
      digits += text[i];
    else if (!between)
      return std::nullopt;
  }
  char *end = nullptr;
  errno = 0;
  const long long number = std::strtoll(digits.c_str(), &end, int(base));
  if (digits.empty() || *end || errno)
    return std::nullopt;
  return number;
}

Value toInteger(Evaluator &evaluator, const Value &value, const Arguments &arguments) {
  const auto bound = bindArguments("int", arguments, {"default", "base"});
  const int64_t base = bound[1] ? integerArgument("int", *bound[1]) : 10;
  if (value.isUndefined())
    fail(value.reason());
  if (base < 2 || base > 36)
    fail("the base of 'int' is from 2 to 36");
  std::optional<double> number;
  if (value.isIntegral())
    return Value::integer(value.asInteger());
  if (value.isText()) {
    if (std::optional<int64_t> whole = parseInteger(evaluator.heap(), value.asText(), base))
      return Value::integer(*whole);
    number = parseNumber(evaluator.heap(), value.asText());
  } else if (value.is(Kind::Float)) {
    number = value.asNumber();
  }
  if (number && std::fabs(*number) < kLargestWhole)
    return Value::integer(int64_t(*number));
  if (number && std::isfinite(*number))
    fail("the number is too large for 'int'");
  return bound[0].value_or(Value::integer(0));
}

Value toFloat(Evaluator &evaluator, const Value &value, const Arguments &arguments) {
  const auto bound = bindArguments("float", arguments, {"default"});
  if (value.isUndefined())
    fail(value.reason());
  if (value.isNumber())
    return Value::number(value.asNumber());
  if (value.isText())
    if (std::optional<double> number = parseNumber(evaluator.heap(), value.asText()))
      return Value::number(*number);
  return bound[0].value_or(Value::number(0));
}

Value absolute(Evaluator &evaluator, const Value &value, const Arguments &arguments) {
  bindArguments("abs", arguments, {});
  if (value.is(Kind::Float))
    return Value::number(std::fabs(value.asNumber()));
  const int64_t whole = integerArgument("abs", value);
  return whole < 0 ? negate(evaluator.heap(), value) : Value::integer(whole);
}

// Correctly rounded, halves to even, as Python's round().
double roundedTo(double number, int64_t digits) {
  if (!std::isfinite(number) || digits > kMostDigits)
    return number;
  if (digits < 0) {
    const double unit = std::pow(10.0, -double(digits));
    return std::isinf(unit) ? 0.0 * number : std::nearbyint(number / unit) * unit;
  }
  std::string text(700, '\0');
  text.resize(std::snprintf(text.data(), text.size(), "%.*f", int(digits), number));
  return std::strtod(text.c_str(), nullptr);
}

Value round(Evaluator &evaluator, const Value &value, const Arguments &arguments) {
  const auto bound = bindArguments("round", arguments, {"precision", "method"});
  const int64_t digits = bound[0] ? integerArgument("round", *bound[0]) : 0;
  const absl::string_view method = bound[1] ? textArgument("round", *bound[1]) : "common";
  if (method != "common" && method != "ceil" && method != "floor")
    fail("the method of 'round' is common, ceil or floor");
  if (value.isUndefined())
    fail(value.reason());
  if (!value.isNumber())
    fail("'round' takes a number, not '", typeName(value), "'");
  if (method == "common") {
    if (!value.isIntegral())
      return Value::number(roundedTo(value.asNumber(), digits));
    const double rounded = digits < 0 ? roundedTo(value.asNumber(), digits) : 0;
    if (std::fabs(rounded) > kLargestWhole)
      fail("a number is too large");
    return Value::integer(digits < 0 ? int64_t(rounded) : value.asInteger());
  }
  const double unit = std::pow(10.0, double(digits)), scaled = value.asNumber() * unit;
  return Value::number((method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / unit);
}

constexpr FilterEntry kFilters[] = {
    {"abs", absolute},  {"attr", attr},     {"d", defaultValue}, {"default", defaultValue},
    {"float", toFloat}, {"int", toInteger}, {"round", round},    {"tojson", toJsonFilter},
};

} // namespace

std::span<const FilterEntry> valueFilters() { return kFilters; }

Filter findFilter(absl::string_view name) {
  for (auto filters : {textFilters(), valueFilters(), sequenceFilters(), selectionFilters()})
    for (const FilterEntry &entry : filters)
      if (entry.name == name)
        return entry.filter;
  return nullptr;
}

} // namespace llmc::chat
