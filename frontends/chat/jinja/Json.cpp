#include "frontends/chat/jinja/Json.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "frontends/chat/jinja/PythonText.h"
#include "frontends/chat/jinja/TemplateError.h"
#include "frontends/chat/jinja/Unicode.h"
#include "frontends/tokenizer/Utf8.h"
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace llmc::chat {
namespace {

constexpr int kDeepest = 100; // of containers in each other
constexpr uint64_t kScalarBytes = 24;

Value textOf(Heap &heap, const std::string &text) {
  if (size_t offset = tokenizer::findInvalidUtf8(text); offset != absl::string_view::npos)
    fail("a message or variable is not UTF-8: the byte at offset ", offset, " of its ",
         text.size());
  return heap.text(text);
}

Value read(Heap &heap, const nlohmann::ordered_json &json, int depth) {
  using Type = nlohmann::ordered_json::value_t;
  if (depth > kDeepest)
    fail("a message or variable is nested too deeply");
  switch (json.type()) {
  case Type::boolean:
    return Value::boolean(json.get<bool>());
  case Type::number_integer:
    return Value::integer(json.get<int64_t>());
  case Type::number_unsigned:
    if (json.get<uint64_t>() > uint64_t(INT64_MAX))
      fail("the number ", json.get<uint64_t>(), " in a message or variable is too large");
    return Value::integer(json.get<int64_t>());
  case Type::number_float:
    return Value::number(json.get<double>());
  case Type::string:
    return textOf(heap, json.get_ref<const std::string &>());
  case Type::array: {
    std::vector<Value> items;
    for (const auto &item : json)
      items.push_back(read(heap, item, depth + 1));
    return heap.list(std::move(items));
  }
  case Type::object: {
    std::vector<std::pair<Value, Value>> entries;
    for (const auto &[key, value] : json.items())
      entries.emplace_back(textOf(heap, key), read(heap, value, depth + 1));
    return heap.dict(std::move(entries));
  }
  default:
    return Value::none();
  }
}

class Writer {
public:
  Writer(Heap &heap, const JsonStyle &style) : heap_(heap), style_(style) {}
  void write(const Value &value, int depth);
  std::string out;

private:
  void newline(int depth);
  void writeText(absl::string_view text);
  void writeEntries(const Mapping &mapping, int depth);
  std::string keyText(const Value &key);
  std::string numberText(double number);

  Heap &heap_;
  const JsonStyle &style_;
};

void Writer::newline(int depth) {
  if (!style_.multiline)
    return;
  heap_.charge(style_.indent.size() * depth);
  out += '\n';
  for (int i = 0; i < depth; ++i)
    out += style_.indent;
}

std::string Writer::numberText(double number) {
  if (std::isnan(number))
    return "NaN";
  if (std::isinf(number))
    return number < 0 ? "-Infinity" : "Infinity";
  return floatText(number);
}

void Writer::writeText(absl::string_view text) {
  static constexpr absl::string_view kEscaped = "\"\\\n\r\t\f\b", kLetters = "\"\\nrtfb";
  heap_.charge(text.size());
  out += '"';
  for (absl::string_view character : characters(text)) {
    char32_t code = codePoint(character);
    if (size_t at = code < 0x80 ? kEscaped.find(char(code)) : absl::string_view::npos;
        at != absl::string_view::npos) {
      out += '\\';
      out += kLetters[at];
    } else if (code < 0x20 ||
               (style_.asciiOnly && code >= 0x7F && code < 0x10000 && code != 0x7F)) {
      absl::StrAppendFormat(&out, "\\u%04x", uint32_t(code));
    } else if (style_.asciiOnly && code >= 0x10000) {
      code -= 0x10000;
      absl::StrAppendFormat(&out, "\\u%04x\\u%04x", 0xD800 + uint32_t(code >> 10),
                            0xDC00 + uint32_t(code & 0x3FF));
    } else {
      absl::StrAppend(&out, character);
    }
  }
  out += '"';
}

std::string Writer::keyText(const Value &key) {
  switch (key.kind()) {
  case Kind::String:
    return std::string(key.asText());
  case Kind::None:
    return "null";
  case Kind::Boolean:
    return key.asInteger() ? "true" : "false";
  case Kind::Integer:
    return absl::StrCat(key.asInteger());
  case Kind::Float:
    return numberText(key.asNumber());
  default:
    fail("'", typeName(key), "' cannot be a key in JSON");
  }
}

void Writer::writeEntries(const Mapping &mapping, int depth) {
  std::vector<std::pair<Value, Value>> entries = mapping.entries;
  if (style_.sortKeys)
    std::sort(entries.begin(), entries.end(), [&](const auto &a, const auto &b) {
      if (!a.first.isText() || !b.first.isText())
        fail("only keys that are strings can be sorted");
      return a.first.asText() < b.first.asText();
    });
  bool first = true;
  out += '{';
  for (const auto &[key, value] : entries) {
    if (!first)
      out += style_.itemSeparator;
    first = false;
    newline(depth + 1);
    writeText(keyText(key));
    out += style_.keySeparator;
    write(value, depth + 1);
  }
  newline(depth);
  out += '}';
}

void Writer::write(const Value &value, int depth) {
  if (depth > kDeepest)
    fail("containers are nested too deeply for JSON");
  heap_.work();
  heap_.charge(kScalarBytes);
  switch (value.kind()) {
  case Kind::None:
    out += "null";
    return;
  case Kind::Boolean:
    out += value.asInteger() ? "true" : "false";
    return;
  case Kind::Integer:
    absl::StrAppend(&out, value.asInteger());
    return;
  case Kind::Float:
    out += numberText(value.asNumber());
    return;
  case Kind::String:
    return writeText(value.asText());
  case Kind::List:
  case Kind::Tuple: {
    const auto &items = value.sequence().items;
    if (items.empty()) {
      out += "[]";
      return;
    }
    out += '[';
    for (size_t i = 0; i < items.size(); ++i) {
      if (i)
        out += style_.itemSeparator;
      newline(depth + 1);
      write(items[i], depth + 1);
    }
    newline(depth);
    out += ']';
    return;
  }
  case Kind::Dict:
    if (value.mapping().entries.empty()) {
      out += "{}";
      return;
    }
    return writeEntries(value.mapping(), depth);
  case Kind::Undefined:
    fail(value.reason(), ", which JSON has no word for");
  default:
    fail("'", typeName(value), "' cannot be written as JSON");
  }
}

} // namespace

Value fromJson(Heap &heap, const nlohmann::ordered_json &json) { return read(heap, json, 0); }

std::string toJson(Heap &heap, const Value &value, const JsonStyle &style) {
  Writer writer(heap, style);
  writer.write(value, 0);
  return std::move(writer.out);
}

} // namespace llmc::chat
