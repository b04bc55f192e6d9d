#include "frontends/chat/jinja/Format.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "frontends/chat/jinja/Operators.h"
#include "frontends/chat/jinja/PythonText.h"
#include "frontends/chat/jinja/TemplateError.h"
#include "frontends/chat/jinja/Unicode.h"
#include <cmath>

namespace llmc::chat {
namespace {

constexpr int kWidest = 10000, kMostPrecise = 100;

// How one value is written, of both kinds of format.
struct Spec {
  std::string fill = " ";
  char align = 0; // < > ^ =, or 0 for the type's own
  char sign = 0;  // '+' or ' ' in front of numbers that are not negative
  bool alternate = false, thousands = false;
  int width = 0, precision = -1;
  char type = 0;
};

// A number at the start of `text`, taken off it; `limit` at the most.
int takeNumber(absl::string_view &text, int limit) {
  int number = 0;
  while (!text.empty() && absl::ascii_isdigit(text[0])) {
    number = number * 10 + (text[0] - '0');
    if (number > limit)
      fail("a format asks for more than ", limit, " characters");
    text.remove_prefix(1);
  }
  return number;
}

std::string withThousands(std::string digits) {
  const size_t end = std::min(digits.find_first_of(".e"), digits.size());
  for (size_t at = end; at > 3; at -= 3)
    digits.insert(at - 3, ",");
  return digits;
}

// Without sign.
std::string integerDigits(uint64_t value, const Spec &spec) {
  switch (spec.type) {
  case 'x':
    return absl::StrCat(spec.alternate ? "0x" : "", absl::StrFormat("%x", value));
  case 'X':
    return absl::StrCat(spec.alternate ? "0X" : "", absl::StrFormat("%X", value));
  case 'o':
    return absl::StrCat(spec.alternate ? "0o" : "", absl::StrFormat("%o", value));
  case 'b': {
    std::string digits;
    do
      digits.insert(digits.begin(), char('0' + value % 2));
    while (value /= 2);
    return absl::StrCat(spec.alternate ? "0b" : "", digits);
  }
  default:
    return absl::StrCat(value);
  }
}

std::string floatDigits(double value, const Spec &spec) {
  if (std::isinf(value) || std::isnan(value))
    return std::isinf(value) ? "inf" : "nan";
  const int precision = spec.precision < 0 ? 6 : spec.precision;
  char buffer[512];
  const char format[] = {'%', '.', '*', spec.type, 0};
  std::snprintf(buffer, sizeof buffer, format, precision, value);
  return buffer;
}

std::string padded(std::string sign, std::string text, const Spec &spec, char align) {
  const int64_t missing =
      spec.width - int64_t(characterCount(sign)) - int64_t(characterCount(text));
  std::string left, right;
  for (int64_t i = 0; i < missing; ++i)
    absl::StrAppend(align == '<' || (align == '^' && i >= missing / 2) ? &right : &left, spec.fill);
  if (align == '=')
    return absl::StrCat(sign, left, text);
  return absl::StrCat(left, sign, text, right);
}

std::string numberText(const Value &value, const Spec &spec) {
  const bool isFloat = absl::StrContains("eEfFgG%", spec.type) && spec.type;
  std::string digits, sign = spec.sign ? std::string(1, spec.sign) : "";
  bool negative;
  if (isFloat || value.is(Kind::Float)) {
    double number = value.asNumber();
    negative = std::signbit(number) && !std::isnan(number);
    Spec style = spec;
    if (spec.type == '%') {
      number *= 100;
      style.type = 'f';
    }
    number = std::fabs(number);
    if (isFloat)
      digits = floatDigits(number, style) + (spec.type == '%' ? "%" : "");
    else if (spec.type || spec.precision >= 0)
      fail("a format with '", std::string(1, spec.type ? spec.type : '.'), "' is not for a float");
    else
      digits = floatText(number);
  } else {
    negative = value.asInteger() < 0;
    const uint64_t size = uint64_t(value.asInteger());
    digits = integerDigits(negative ? 0 - size : size, spec);
  }
  if (negative)
    sign = "-";
  if (spec.thousands)
    digits = withThousands(std::move(digits));
  return padded(std::move(sign), std::move(digits), spec, spec.align ? spec.align : '>');
}

std::string cut(absl::string_view text, const Spec &spec) {
  if (spec.precision < 0 || characterCount(text) <= size_t(spec.precision))
    return std::string(text);
  std::string result;
  size_t at = 0;
  for (int i = 0; i < spec.precision; ++i) {
    absl::StrAppend(&result, characterAt(text, at));
    at = result.size();
  }
  return result;
}

// One conversion behind its '%', taken off `format`.
Spec takePercentSpec(absl::string_view &format) {
  Spec spec{.align = '>'};
  while (!format.empty() && absl::StrContains("-+ 0#", format[0])) {
    switch (format[0]) {
    case '-':
      spec.align = '<';
      break;
    case '0':
      if (spec.align != '<') {
        spec.align = '=';
        spec.fill = "0";
      }
      break;
    case '#':
      spec.alternate = true;
      break;
    default:
      if (spec.sign != '+')
        spec.sign = format[0];
    }
    format.remove_prefix(1);
  }
  if (spec.align == '<')
    spec.fill = " ";
  spec.width = takeNumber(format, kWidest);
  if (!format.empty() && format[0] == '.') {
    format.remove_prefix(1);
    spec.precision = takeNumber(format, kMostPrecise);
  }
  if (format.empty())
    fail("a format ends within a conversion");
  spec.type = format[0];
  format.remove_prefix(1);
  return spec;
}

std::string percentText(Heap &heap, const Value &value, Spec spec) {
  if (spec.type == 's' || spec.type == 'r') {
    if (spec.align == '=')
      spec = {.align = '>', .width = spec.width, .precision = spec.precision, .type = spec.type};
    return padded("", cut(spec.type == 's' ? toText(heap, value) : toRepr(heap, value), spec), spec,
                  spec.align);
  }
  if (!absl::StrContains("diueEfFgGxXo", spec.type))
    fail("the format '%", std::string(1, spec.type), "' is not supported");
  if (!value.isNumber())
    fail("the format '%", std::string(1, spec.type), "' needs a number, not '", typeName(value),
         "'");
  if (!absl::StrContains("diu", spec.type) || !value.is(Kind::Float))
    return numberText(value, spec);
  if (!(std::fabs(value.asNumber()) < 9e18))
    fail("a number is too large");
  spec.precision = -1;
  return numberText(Value::integer(int64_t(value.asNumber())), spec);
}

Spec parseBraceSpec(absl::string_view text) {
  Spec spec;
  if (!text.empty()) {
    const absl::string_view first = characterAt(text, 0), tail = text.substr(first.size());
    if (!tail.empty() && absl::StrContains("<>^=", tail[0])) {
      spec.fill = std::string(first);
      spec.align = tail[0];
      text = tail.substr(1);
    } else if (absl::StrContains("<>^=", text[0])) {
      spec.align = text[0];
      text.remove_prefix(1);
    }
  }
  const auto take = [&](absl::string_view among) -> char {
    if (text.empty() || !absl::StrContains(among, text[0]))
      return 0;
    const char c = text[0];
    text.remove_prefix(1);
    return c;
  };
  spec.sign = take("+- ");
  if (spec.sign == '-')
    spec.sign = 0;
  spec.alternate = take("#");
  if (take("0") && !spec.align) {
    spec.fill = "0";
    spec.align = '=';
  }
  spec.width = takeNumber(text, kWidest);
  spec.thousands = take(",");
  if (take("."))
    spec.precision = takeNumber(text, kMostPrecise);
  spec.type = take("bdeEfFgGosxX%");
  if (!text.empty())
    fail("the format '", text, "' is not supported");
  return spec;
}

std::string braceText(Heap &heap, const Value &value, absl::string_view text) {
  if (text.empty())
    return toText(heap, value);
  const Spec spec = parseBraceSpec(text);
  if (value.isNumber() && spec.type != 's')
    return numberText(value, spec);
  if (!value.isText() || (spec.type && spec.type != 's') || spec.align == '=')
    fail("the format '", text, "' is not for '", typeName(value), "'");
  return padded("", cut(value.asText(), spec), spec, spec.align ? spec.align : '<');
}

} // namespace

Value formatPercent(Heap &heap, absl::string_view format, const Value &values) {
  std::string out;
  size_t used = 0;
  const bool tuple = values.is(Kind::Tuple);
  const auto next = [&]() -> Value {
    const size_t count = tuple ? values.sequence().items.size() : 1;
    if (used == count)
      fail("a format has more conversions than there are values");
    ++used;
    return tuple ? values.sequence().items[used - 1] : values;
  };
  bool named = false;
  while (!format.empty()) {
    const size_t mark = format.find('%');
    absl::StrAppend(&out, format.substr(0, mark));
    if (mark == absl::string_view::npos)
      break;
    format.remove_prefix(mark + 1);
    const Value *byName = nullptr;
    if (!format.empty() && format[0] == '(') {
      const size_t end = format.find(')');
      if (!values.isDict() || end == absl::string_view::npos)
        fail("a format with names needs a dict");
      byName = values.mapping().find(format.substr(1, end - 1));
      if (!byName)
        fail("a format asks for '", format.substr(1, end - 1), "', which is not there");
      named = true;
      format.remove_prefix(end + 1);
    }
    const Spec spec = takePercentSpec(format);
    if (spec.type == '%') {
      out += '%';
      continue;
    }
    const std::string text = percentText(heap, byName ? *byName : next(), spec);
    heap.charge(text.size());
    out += text;
  }
  const bool spare = tuple ? used < values.sequence().items.size()
                           : used == 0 && !values.isDict() && !values.is(Kind::List);
  if (spare && !named)
    fail("a format has fewer conversions than there are values");
  return heap.text(std::move(out));
}

Value formatBraces(Heap &heap, absl::string_view format, const Arguments &arguments) {
  std::string out;
  size_t used = 0;
  while (!format.empty()) {
    const size_t mark = format.find_first_of("{}");
    absl::StrAppend(&out, format.substr(0, mark));
    if (mark == absl::string_view::npos)
      break;
    const char brace = format[mark];
    format.remove_prefix(mark + 1);
    if (absl::StartsWith(format, std::string(1, brace))) {
      out += brace;
      format.remove_prefix(1);
      continue;
    }
    const size_t end = format.find('}');
    if (brace == '}' || end == absl::string_view::npos)
      fail("a format has a single '", std::string(1, brace), "'");
    absl::string_view field = format.substr(0, end), spec;
    format.remove_prefix(end + 1);
    if (const size_t colon = field.find(':'); colon != absl::string_view::npos) {
      spec = field.substr(colon + 1);
      field = field.substr(0, colon);
    }
    const bool repr = absl::EndsWith(field, "!r");
    if (repr || absl::EndsWith(field, "!s"))
      field.remove_suffix(2);
    size_t index = used;
    const Value *value = nullptr;
    if (field.empty() || absl::SimpleAtoi(field, &index)) {
      used += field.empty();
      if (index < arguments.positional.size())
        value = &arguments.positional[index];
    } else {
      value = arguments.keyword(field);
    }
    if (!value)
      fail("a format asks for '{", field, "}', which is not there");
    const std::string text = braceText(heap, repr ? heap.text(toRepr(heap, *value)) : *value, spec);
    heap.charge(text.size());
    out += text;
  }
  return heap.text(std::move(out));
}

} // namespace llmc::chat
