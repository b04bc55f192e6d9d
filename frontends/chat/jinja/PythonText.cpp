#include "frontends/chat/jinja/PythonText.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "frontends/chat/jinja/TemplateError.h"
#include "frontends/chat/jinja/Unicode.h"
#include <charconv>
#include <cmath>

namespace llmc::chat {
namespace {

constexpr int kDeepest = 100; // of containers in each other
constexpr uint64_t kScalarBytes = 24;

void appendQuoted(absl::string_view text, std::string &out) {
  const char quote =
      text.find('\'') != absl::string_view::npos && text.find('"') == absl::string_view::npos
          ? '"'
          : '\'';
  out += quote;
  for (absl::string_view character : characters(text)) {
    const char32_t code = codePoint(character);
    if (code == char32_t(quote) || code == '\\')
      absl::StrAppend(&out, "\\", character);
    else if (code == '\n')
      out += "\\n";
    else if (code == '\r')
      out += "\\r";
    else if (code == '\t')
      out += "\\t";
    else if (isPrintable(code))
      absl::StrAppend(&out, character);
    else if (code < 0x100)
      absl::StrAppendFormat(&out, "\\x%02x", uint32_t(code));
    else if (code < 0x10000)
      absl::StrAppendFormat(&out, "\\u%04x", uint32_t(code));
    else
      absl::StrAppendFormat(&out, "\\U%08x", uint32_t(code));
  }
  out += quote;
}

class Printer {
public:
  explicit Printer(Heap &heap) : heap_(heap) {}
  void append(const Value &value, int depth);
  std::string out;

private:
  void appendItems(const std::vector<Value> &items, int depth);
  void appendEntries(const Mapping &mapping, int depth);

  Heap &heap_;
};

void Printer::append(const Value &value, int depth) {
  if (depth > kDeepest)
    fail("containers are nested too deeply to be printed");
  heap_.work();
  heap_.charge(kScalarBytes);
  switch (value.kind()) {
  case Kind::Undefined:
    out += "Undefined";
    break;
  case Kind::None:
    out += "None";
    break;
  case Kind::Boolean:
    out += value.asInteger() ? "True" : "False";
    break;
  case Kind::Integer:
    absl::StrAppend(&out, value.asInteger());
    break;
  case Kind::Float:
    out += floatText(value.asNumber());
    break;
  case Kind::String:
    heap_.charge(value.asText().size());
    appendQuoted(value.asText(), out);
    break;
  case Kind::List:
    out += '[';
    appendItems(value.sequence().items, depth);
    out += ']';
    break;
  case Kind::Tuple:
    out += '(';
    appendItems(value.sequence().items, depth);
    out += value.sequence().items.size() == 1 ? ",)" : ")";
    break;
  case Kind::Dict:
    out += '{';
    appendEntries(value.mapping(), depth);
    out += '}';
    break;
  case Kind::Namespace:
    out += "<Namespace {";
    appendEntries(value.mapping(), depth);
    out += "}>";
    break;
  case Kind::Object:
    absl::StrAppend(&out, "<", value.object().typeName(), ">");
    break;
  }
}

void Printer::appendItems(const std::vector<Value> &items, int depth) {
  for (size_t i = 0; i < items.size(); ++i) {
    out += i ? ", " : "";
    append(items[i], depth + 1);
  }
}

void Printer::appendEntries(const Mapping &mapping, int depth) {
  bool first = true;
  for (const auto &[key, value] : mapping.entries) {
    out += first ? "" : ", ";
    first = false;
    append(key, depth + 1);
    out += ": ";
    append(value, depth + 1);
  }
}

} // namespace

std::string floatText(double number) {
  if (std::isnan(number))
    return "nan";
  if (std::isinf(number))
    return number < 0 ? "-inf" : "inf";
  char buffer[40];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, number, std::chars_format::scientific).ptr;
  absl::string_view text(buffer, end - buffer);
  std::string sign;
  if (text[0] == '-') {
    sign = "-";
    text.remove_prefix(1);
  }
  const size_t mark = text.find('e');
  std::string digits(text.substr(0, 1));
  if (mark > 2)
    absl::StrAppend(&digits, text.substr(2, mark - 2));
  const int exponent = std::atoi(std::string(text.substr(mark + 1)).c_str());
  if (exponent < -4 || exponent >= 16) {
    if (digits.size() > 1)
      digits.insert(1, ".");
    return absl::StrCat(sign, digits, absl::StrFormat("e%+03d", exponent));
  }
  if (exponent < 0)
    return absl::StrCat(sign, "0.", std::string(-exponent - 1, '0'), digits);
  if (digits.size() <= size_t(exponent) + 1)
    digits.append(exponent + 1 - digits.size(), '0').append("0");
  digits.insert(exponent + 1, ".");
  return sign + digits;
}

std::string toRepr(Heap &heap, const Value &value) {
  Printer printer(heap);
  printer.append(value, 0);
  return std::move(printer.out);
}

std::string toText(Heap &heap, const Value &value) {
  if (value.isUndefined())
    return "";
  if (value.isText())
    return std::string(value.asText());
  return toRepr(heap, value);
}

} // namespace llmc::chat
