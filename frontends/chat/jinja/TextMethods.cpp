// Methods of strings.
#include "absl/strings/match.h"
#include "frontends/chat/jinja/Format.h"
#include "frontends/chat/jinja/Methods.h"
#include "frontends/chat/jinja/Operators.h"
#include "frontends/chat/jinja/TemplateError.h"
#include "frontends/chat/jinja/TextOperations.h"
#include "frontends/chat/jinja/Unicode.h"

namespace llmc::chat {
namespace {

using Texts = std::vector<absl::string_view>;

std::optional<absl::string_view> optionalText(absl::string_view method,
                                              const std::optional<Value> &value) {
  if (!value || value->isNone())
    return std::nullopt;
  return textArgument(method, *value);
}

Value listOf(Evaluator &evaluator, const Texts &texts) {
  std::vector<Value> items;
  for (absl::string_view text : texts)
    items.push_back(Value::text(text));
  return evaluator.heap().list(std::move(items));
}

template <bool left, bool right>
Value stripMethod(Evaluator &evaluator, const Value &self, const Arguments &arguments) {
  const auto bound = bindArguments("strip", arguments, {"characters"});
  return Value::text(
      strip(evaluator.heap(), self.asText(), optionalText("strip", bound[0]), left, right));
}

template <bool fromRight>
Value splitMethod(Evaluator &evaluator, const Value &self, const Arguments &arguments) {
  const auto bound = bindArguments("split", arguments, {"sep", "maxsplit"});
  const int64_t most = bound[1] ? integerArgument("split", *bound[1]) : -1;
  return listOf(evaluator, split(evaluator.heap(), self.asText(), optionalText("split", bound[0]),
                                 most, fromRight));
}

Value splitLinesMethod(Evaluator &evaluator, const Value &self, const Arguments &arguments) {
  const auto bound = bindArguments("splitlines", arguments, {"keepends"});
  evaluator.heap().work(self.asText().size());
  return listOf(evaluator, splitLines(self.asText(), bound[0] && isTrue(*bound[0])));
}

template <bool atEnd>
Value startsOrEnds(Evaluator &evaluator, const Value &self, const Arguments &arguments) {
  constexpr absl::string_view name = atEnd ? "endswith" : "startswith";
  const auto bound = bindArguments(name, arguments, {atEnd ? "suffix" : "prefix"}, 1);
  const auto holds = [&](const Value &part) {
    const absl::string_view text = textArgument(name, part);
    return atEnd ? absl::EndsWith(self.asText(), text) : absl::StartsWith(self.asText(), text);
  };
  if (!bound[0]->is(Kind::Tuple))
    return Value::boolean(holds(*bound[0]));
  for (const Value &part : bound[0]->sequence().items)
    if (holds(part))
      return Value::boolean(true);
  return Value::boolean(false);
}

template <std::string (*map)(absl::string_view)>
Value mapped(Evaluator &evaluator, const Value &self, const Arguments &arguments) {
  bindArguments("this method", arguments, {});
  return evaluator.heap().text(map(self.asText()));
}

// Letters behind no letter become upper case.
std::string titleCase(absl::string_view text) {
  bool inWord = false;
  return mapCharacters(text, [&](char32_t code) {
    const char32_t result = inWord ? toLower(code) : toUpper(code);
    inWord = isUpper(code) || isLower(code);
    return result;
  });
}

std::string swapCase(absl::string_view text) {
  return mapCharacters(text,
                       [](char32_t code) { return isUpper(code) ? toLower(code) : toUpper(code); });
}

Value replace(Evaluator &evaluator, const Value &self, const Arguments &arguments) {
  const auto bound = bindArguments("replace", arguments, {"old", "new", "count"}, 2);
  return evaluator.heap().text(replaced(
      evaluator.heap(), self.asText(), textArgument("replace", *bound[0]),
      textArgument("replace", *bound[1]), bound[2] ? integerArgument("replace", *bound[2]) : -1));
}

// Offset in bytes to one in characters; -1 stays.
int64_t characterOffset(absl::string_view text, size_t offset) {
  return offset == absl::string_view::npos ? -1 : characterCount(text.substr(0, offset));
}

template <bool fromRight, bool mustBe>
Value find(Evaluator &evaluator, const Value &self, const Arguments &arguments) {
  const auto bound = bindArguments("find", arguments, {"part"}, 1);
  const absl::string_view text = self.asText(), part = textArgument("find", *bound[0]);
  evaluator.heap().work(text.size());
  const int64_t at = characterOffset(text, fromRight ? text.rfind(part) : text.find(part));
  if (mustBe && at < 0)
    fail("'index': the text does not occur");
  return Value::integer(at);
}

Value count(Evaluator &evaluator, const Value &self, const Arguments &arguments) {
  const auto bound = bindArguments("count", arguments, {"part"}, 1);
  const absl::string_view part = textArgument("count", *bound[0]);
  if (part.empty())
    return Value::integer(characterCount(self.asText()) + 1);
  return Value::integer(split(evaluator.heap(), self.asText(), part, -1, false).size() - 1);
}

Value join(Evaluator &evaluator, const Value &self, const Arguments &arguments) {
  const auto bound = bindArguments("join", arguments, {"items"}, 1);
  std::string text;
  bool first = true;
  for (const Value &item : iterate(evaluator.heap(), *bound[0])) {
    evaluator.heap().charge(self.asText().size() + textArgument("join", item).size());
    absl::StrAppend(&text, first ? "" : self.asText(), item.asText());
    first = false;
  }
  return evaluator.heap().text(std::move(text));
}

Value format(Evaluator &evaluator, const Value &self, const Arguments &arguments) {
  return formatBraces(evaluator.heap(), self.asText(), arguments);
}

template <bool (*holds)(char32_t)>
Value every(Evaluator &evaluator, const Value &self, const Arguments &arguments) {
  bindArguments("this method", arguments, {});
  evaluator.heap().work(self.asText().size());
  return Value::boolean(!self.asText().empty() && stripLeft(self.asText(), holds).empty());
}

bool isDigit(char32_t code) { return code >= '0' && code <= '9'; }
bool isAlphanumeric(char32_t code) { return isDigit(code) || isAlphabetic(code); }

// Whether letters that have a case are all of this one, and there is one.
template <bool (*of)(char32_t), bool (*other)(char32_t)>
Value hasCase(Evaluator &evaluator, const Value &self, const Arguments &arguments) {
  bindArguments("this method", arguments, {});
  bool found = false;
  for (absl::string_view character : characters(self.asText())) {
    if (other(codePoint(character)))
      return Value::boolean(false);
    found |= of(codePoint(character));
  }
  return Value::boolean(found);
}

template <bool suffix>
Value removeAffix(Evaluator &evaluator, const Value &self, const Arguments &arguments) {
  const auto bound =
      bindArguments(suffix ? "removesuffix" : "removeprefix", arguments, {"part"}, 1);
  const absl::string_view text = self.asText(), part = textArgument("removeprefix", *bound[0]);
  if (suffix)
    return Value::text(absl::EndsWith(text, part) ? text.substr(0, text.size() - part.size())
                                                  : text);
  return Value::text(absl::StartsWith(text, part) ? text.substr(part.size()) : text);
}

template <bool fromRight>
Value partition(Evaluator &evaluator, const Value &self, const Arguments &arguments) {
  const auto bound = bindArguments("partition", arguments, {"sep"}, 1);
  const absl::string_view separator = textArgument("partition", *bound[0]);
  const Texts parts = split(evaluator.heap(), self.asText(), separator, 1, fromRight);
  if (parts.size() == 2)
    return evaluator.heap().tuple({Value::text(parts[0]), *bound[0], Value::text(parts[1])});
  const Value none = Value::text("");
  return evaluator.heap().tuple(fromRight ? std::vector<Value>{none, none, self}
                                          : std::vector<Value>{self, none, none});
}

constexpr MethodEntry kTextMethods[] = {
    {"capitalize", mapped<capitalized>},
    {"casefold", nullptr},
    {"center", nullptr},
    {"count", count},
    {"encode", nullptr},
    {"endswith", startsOrEnds<true>},
    {"expandtabs", nullptr},
    {"find", find<false, false>},
    {"format", format},
    {"format_map", nullptr},
    {"index", find<false, true>},
    {"isalnum", every<isAlphanumeric>},
    {"isalpha", every<isAlphabetic>},
    {"isascii", nullptr},
    {"isdecimal", every<isDigit>},
    {"isdigit", every<isDigit>},
    {"isidentifier", nullptr},
    {"islower", hasCase<isLower, isUpper>},
    {"isnumeric", every<isDigit>},
    {"isprintable", nullptr},
    {"isspace", every<isSpace>},
    {"istitle", nullptr},
    {"isupper", hasCase<isUpper, isLower>},
    {"join", join},
    {"ljust", nullptr},
    {"lower", mapped<lowercase>},
    {"lstrip", stripMethod<true, false>},
    {"maketrans", nullptr},
    {"partition", partition<false>},
    {"removeprefix", removeAffix<false>},
    {"removesuffix", removeAffix<true>},
    {"replace", replace},
    {"rfind", find<true, false>},
    {"rindex", find<true, true>},
    {"rjust", nullptr},
    {"rpartition", partition<true>},
    {"rsplit", splitMethod<true>},
    {"rstrip", stripMethod<false, true>},
    {"split", splitMethod<false>},
    {"splitlines", splitLinesMethod},
    {"startswith", startsOrEnds<false>},
    {"strip", stripMethod<true, true>},
    {"swapcase", mapped<swapCase>},
    {"title", mapped<titleCase>},
    {"translate", nullptr},
    {"upper", mapped<uppercase>},
    {"zfill", nullptr},
};

} // namespace

std::span<const MethodEntry> textMethods() { return kTextMethods; }

} // namespace llmc::chat
