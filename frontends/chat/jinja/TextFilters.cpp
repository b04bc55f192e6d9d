// Filters that give texts.
#include "absl/strings/str_replace.h"
#include "frontends/chat/jinja/Filters.h"
#include "frontends/chat/jinja/Format.h"
#include "frontends/chat/jinja/Operators.h"
#include "frontends/chat/jinja/PythonText.h"
#include "frontends/chat/jinja/TemplateError.h"
#include "frontends/chat/jinja/TextOperations.h"
#include "frontends/chat/jinja/Unicode.h"

namespace llmc::chat {
namespace {

constexpr int64_t kWidest = 10000;

// str(value), which the heap keeps.
absl::string_view textOf(Evaluator &evaluator, const Value &value) {
  return value.isText() ? value.asText()
                        : evaluator.heap().text(toText(evaluator.heap(), value)).asText();
}

template <std::string (*map)(absl::string_view)>
Value mapped(Evaluator &evaluator, const Value &value, const Arguments &arguments) {
  bindArguments("this filter", arguments, {});
  return evaluator.heap().text(map(textOf(evaluator, value)));
}

std::string same(absl::string_view text) { return std::string(text); }

// Unlike the method: words begin behind white space and opening brackets.
std::string titleCase(absl::string_view text) {
  bool start = true;
  return mapCharacters(text, [&](char32_t code) {
    const char32_t result = start ? toUpper(code) : toLower(code);
    start =
        isSpace(code) || code == '-' || code == '(' || code == '{' || code == '[' || code == '<';
    return result;
  });
}

std::string escaped(absl::string_view text) {
  return absl::StrReplaceAll(
      text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"'", "&#39;"}, {"\"", "&#34;"}});
}

Value trim(Evaluator &evaluator, const Value &value, const Arguments &arguments) {
  const auto bound = bindArguments("trim", arguments, {"chars"});
  std::optional<absl::string_view> set;
  if (bound[0] && !bound[0]->isNone())
    set = textArgument("trim", *bound[0]);
  return Value::text(strip(evaluator.heap(), textOf(evaluator, value), set, true, true));
}

Value replace(Evaluator &evaluator, const Value &value, const Arguments &arguments) {
  const auto bound = bindArguments("replace", arguments, {"old", "new", "count"}, 2);
  const bool all = !bound[2] || bound[2]->isNone();
  return evaluator.heap().text(replaced(evaluator.heap(), textOf(evaluator, value),
                                        textOf(evaluator, *bound[0]), textOf(evaluator, *bound[1]),
                                        all ? -1 : integerArgument("replace", *bound[2])));
}

Value indent(Evaluator &evaluator, const Value &value, const Arguments &arguments) {
  const auto bound = bindArguments("indent", arguments, {"width", "first", "blank"});
  std::string margin;
  if (bound[0] && bound[0]->isText())
    margin = std::string(bound[0]->asText());
  else
    margin.assign(
        std::clamp<int64_t>(bound[0] ? integerArgument("indent", *bound[0]) : 4, 0, kWidest), ' ');
  const bool first = bound[1] && isTrue(*bound[1]), blank = bound[2] && isTrue(*bound[2]);
  // With a newline at the end, so that a text that ends with one keeps its last, empty line.
  const std::string text = absl::StrCat(textOf(evaluator, value), "\n");
  std::string result;
  bool atFirst = true;
  for (absl::string_view line : splitLines(text, /*keepEnds=*/false)) {
    evaluator.heap().charge(margin.size() + line.size());
    absl::StrAppend(&result, atFirst ? "" : "\n");
    if (atFirst ? first : blank || !line.empty())
      result += margin;
    absl::StrAppend(&result, line);
    atFirst = false;
  }
  return evaluator.heap().text(std::move(result));
}

Value center(Evaluator &evaluator, const Value &value, const Arguments &arguments) {
  const auto bound = bindArguments("center", arguments, {"width"});
  const int64_t width = bound[0] ? integerArgument("center", *bound[0]) : 80;
  const absl::string_view text = textOf(evaluator, value);
  const int64_t count = characterCount(text);
  if (width <= count)
    return Value::text(text);
  const int64_t missing = width - count;
  evaluator.heap().charge(missing);
  const int64_t left = missing / 2 + (missing & width & 1); // where Python puts an odd one
  return evaluator.heap().text(
      absl::StrCat(std::string(left, ' '), text, std::string(missing - left, ' ')));
}

Value truncate(Evaluator &evaluator, const Value &value, const Arguments &arguments) {
  const auto bound = bindArguments("truncate", arguments, {"length", "killwords", "end", "leeway"});
  const int64_t most = bound[0] ? integerArgument("truncate", *bound[0]) : 255;
  const absl::string_view end = bound[2] ? textArgument("truncate", *bound[2]) : "...";
  const bool hasLeeway = bound[3] && !bound[3]->isNone();
  const int64_t leeway = hasLeeway ? integerArgument("truncate", *bound[3]) : 5;
  const int64_t endLength = characterCount(end);
  if (most < endLength || leeway < 0)
    fail("'truncate' takes a length of at least that of the end, and a leeway of at least 0");
  if (length(value) - leeway <= most)
    return value;
  const absl::string_view text = textArgument("truncate", value);
  size_t offset = 0;
  for (int64_t i = 0; i < most - endLength; ++i)
    offset += characterAt(text, offset).size();
  absl::string_view head = text.substr(0, offset);
  if (!bound[1] || !isTrue(*bound[1]))
    head = head.substr(0, head.rfind(' '));
  return evaluator.heap().text(absl::StrCat(head, end));
}

Value format(Evaluator &evaluator, const Value &value, const Arguments &arguments) {
  if (!arguments.positional.empty() && !arguments.keywords.empty())
    fail("'format' takes values either by place or by name");
  Heap &heap = evaluator.heap();
  Value values = heap.tuple(arguments.positional);
  if (!arguments.keywords.empty()) {
    values = heap.dict({});
    for (const auto &[name, named] : arguments.keywords)
      setEntry(heap, values.mapping(), Value::text(name), named);
  }
  return formatPercent(heap, textOf(evaluator, value), values);
}

Value wordCount(Evaluator &evaluator, const Value &value, const Arguments &arguments) {
  bindArguments("wordcount", arguments, {});
  int64_t count = 0;
  bool inWord = false;
  for (absl::string_view character : characters(textOf(evaluator, value))) {
    const char32_t code = codePoint(character);
    const bool word = isAlphabetic(code) || code == '_' || (code >= '0' && code <= '9');
    count += word && !inWord;
    inWord = word;
  }
  return Value::integer(count);
}

constexpr FilterEntry kFilters[] = {
    {"capitalize", mapped<capitalized>},
    {"center", center},
    {"e", mapped<escaped>},
    {"escape", mapped<escaped>},
    {"forceescape", mapped<escaped>},
    {"format", format},
    {"indent", indent},
    {"lower", mapped<lowercase>},
    {"replace", replace},
    {"safe", mapped<same>},
    {"string", mapped<same>},
    {"title", mapped<titleCase>},
    {"trim", trim},
    {"truncate", truncate},
    {"upper", mapped<uppercase>},
    {"wordcount", wordCount},
};

} // namespace

std::span<const FilterEntry> textFilters() { return kFilters; }

} // namespace llmc::chat
