// + - * / // % ** of numbers, texts and lists.
#include "absl/strings/str_cat.h"
#include "frontends/chat/jinja/Format.h"
#include "frontends/chat/jinja/Operators.h"
#include "frontends/chat/jinja/TemplateError.h"
#include <cmath>

namespace llmc::chat {
namespace {

[[noreturn]] void tooLarge() { fail("a number is too large"); }

int64_t floorDivide(int64_t a, int64_t b) {
  if (b == -1) { // the one that can overflow
    int64_t result;
    if (__builtin_sub_overflow(int64_t(0), a, &result))
      tooLarge();
    return result;
  }
  return a / b - (a % b != 0 && (a % b < 0) != (b < 0));
}

int64_t integerPower(Heap &heap, int64_t base, int64_t exponent) {
  int64_t result = 1;
  if (base == 0 || base == 1)
    return exponent == 0 ? 1 : base;
  if (base == -1)
    return exponent % 2 ? -1 : 1;
  for (; exponent > 0; --exponent)
    if (__builtin_mul_overflow(result, base, &result)) // ends it after 63 rounds
      tooLarge();
  return result;
}

Value integers(Heap &heap, int64_t a, absl::string_view sign, int64_t b) {
  int64_t result = 0;
  bool overflow = false;
  if (sign == "+")
    overflow = __builtin_add_overflow(a, b, &result);
  else if (sign == "-")
    overflow = __builtin_sub_overflow(a, b, &result);
  else if (sign == "*")
    overflow = __builtin_mul_overflow(a, b, &result);
  else if (sign == "**")
    result = integerPower(heap, a, b);
  else if (b == 0)
    fail("division by zero");
  else if (sign == "//")
    result = floorDivide(a, b);
  else if (b != -1) // a % -1 is 0, but the machine's instruction overflows
    result = a % b + (a % b != 0 && (a % b < 0) != (b < 0) ? b : 0);
  if (overflow)
    tooLarge();
  return Value::integer(result);
}

double numbers(double a, absl::string_view sign, double b) {
  if (sign == "+")
    return a + b;
  if (sign == "-")
    return a - b;
  if (sign == "*")
    return a * b;
  if (sign == "**") {
    if (a == 0 && b < 0)
      fail("0 cannot be raised to a negative power");
    const double result = std::pow(a, b);
    if (std::isnan(result) && !std::isnan(a) && !std::isnan(b))
      fail("a complex number is not supported");
    if (std::isinf(result) && !std::isinf(a) && !std::isinf(b))
      tooLarge();
    return result;
  }
  if (b == 0)
    fail("division by zero");
  if (sign == "/")
    return a / b;
  double modulo = std::fmod(a, b);
  const double quotient = (a - modulo) / b;
  const bool otherSign = modulo != 0 && (modulo < 0) != (b < 0);
  if (sign == "%")
    return modulo == 0 ? std::copysign(0.0, b) : otherSign ? modulo + b : modulo;
  const double rounded = otherSign ? quotient - 1 : quotient;
  const double floor = std::floor(rounded);
  return rounded == 0 ? std::copysign(0.0, a / b) : rounded - floor > 0.5 ? floor + 1 : floor;
}

Value repeated(Heap &heap, const Value &value, int64_t count) {
  count = std::max<int64_t>(count, 0);
  const uint64_t size =
      value.isText() ? value.asText().size() : value.sequence().items.size() * sizeof(Value);
  uint64_t bytes;
  if (__builtin_mul_overflow(size, uint64_t(count), &bytes))
    fail("the template takes too much memory");
  heap.charge(bytes);
  if (value.isText()) {
    std::string text;
    for (int64_t i = 0; size > 0 && i < count; ++i)
      absl::StrAppend(&text, value.asText());
    return heap.text(std::move(text));
  }
  std::vector<Value> items;
  const auto &part = value.sequence().items;
  for (int64_t i = 0; size > 0 && i < count; ++i)
    items.insert(items.end(), part.begin(), part.end());
  return value.is(Kind::Tuple) ? heap.tuple(std::move(items)) : heap.list(std::move(items));
}

Value joined(Heap &heap, const Value &left, const Value &right) {
  if (left.isText())
    return heap.text(absl::StrCat(left.asText(), right.asText()));
  std::vector<Value> items = left.sequence().items;
  const auto &more = right.sequence().items;
  items.insert(items.end(), more.begin(), more.end());
  return left.is(Kind::Tuple) ? heap.tuple(std::move(items)) : heap.list(std::move(items));
}

} // namespace

Value binary(Heap &heap, const Value &left, absl::string_view sign, const Value &right) {
  heap.work();
  if (sign == "%" && left.isText())
    return formatPercent(heap, left.asText(), right);
  for (const Value *value : {&left, &right})
    if (value->isUndefined())
      fail(value->reason());
  if (left.isNumber() && right.isNumber()) {
    const bool whole = left.isIntegral() && right.isIntegral() && sign != "/" &&
                       !(sign == "**" && right.asInteger() < 0);
    return whole ? integers(heap, left.asInteger(), sign, right.asInteger())
                 : Value::number(numbers(left.asNumber(), sign, right.asNumber()));
  }
  const auto isRow = [](const Value &value) { return value.isText() || value.isSequence(); };
  if (sign == "*" && isRow(left) && right.isIntegral())
    return repeated(heap, left, right.asInteger());
  if (sign == "*" && isRow(right) && left.isIntegral())
    return repeated(heap, right, left.asInteger());
  if (sign == "+" && isRow(left) && left.kind() == right.kind())
    return joined(heap, left, right);
  fail("'", sign, "' is not supported between '", typeName(left), "' and '", typeName(right), "'");
}

Value negate(Heap &heap, const Value &value) {
  if (value.isUndefined())
    fail(value.reason());
  if (value.is(Kind::Float))
    return Value::number(-value.asNumber());
  if (!value.isIntegral())
    fail("'-' is not supported for '", typeName(value), "'");
  return integers(heap, 0, "-", value.asInteger());
}

} // namespace llmc::chat
