// Filters of lists and dicts as a whole.
#include "frontends/chat/jinja/Filters.h"
#include "frontends/chat/jinja/ItemKey.h"
#include "frontends/chat/jinja/Operators.h"
#include "frontends/chat/jinja/PythonText.h"
#include "frontends/chat/jinja/TemplateError.h"
#include "frontends/chat/jinja/Unicode.h"
#include <algorithm>

namespace llmc::chat {
namespace {

Value lengthOf(Evaluator &evaluator, const Value &value, const Arguments &arguments) {
  bindArguments("length", arguments, {});
  evaluator.heap().work(value.isText() ? value.asText().size() : 0);
  return Value::integer(length(value));
}

Value first(Evaluator &evaluator, const Value &value, const Arguments &arguments) {
  bindArguments("first", arguments, {});
  const std::vector<Value> items = iterate(evaluator.heap(), value);
  return items.empty() ? Value::undefined("there is no first item") : items.front();
}

Value last(Evaluator &evaluator, const Value &value, const Arguments &arguments) {
  bindArguments("last", arguments, {});
  const std::vector<Value> items = iterate(evaluator.heap(), value);
  return items.empty() ? Value::undefined("there is no last item") : items.back();
}

Value list(Evaluator &evaluator, const Value &value, const Arguments &arguments) {
  bindArguments("list", arguments, {});
  return evaluator.heap().list(iterate(evaluator.heap(), value));
}

Value reverse(Evaluator &evaluator, const Value &value, const Arguments &arguments) {
  bindArguments("reverse", arguments, {});
  std::vector<Value> items = iterate(evaluator.heap(), value);
  std::reverse(items.begin(), items.end());
  if (!value.isText())
    return evaluator.heap().list(std::move(items));
  std::string text;
  for (const Value &character : items)
    absl::StrAppend(&text, character.asText());
  return evaluator.heap().text(std::move(text));
}

Value join(Evaluator &evaluator, const Value &value, const Arguments &arguments) {
  const auto bound = bindArguments("join", arguments, {"d", "attribute"});
  const std::string separator = bound[0] ? toText(evaluator.heap(), *bound[0]) : "";
  const ItemKey key(bound[1]);
  std::string text;
  bool first = true;
  for (const Value &item : iterate(evaluator.heap(), value)) {
    const std::string part = toText(evaluator.heap(), key.of(evaluator, item));
    evaluator.heap().charge(part.size() + separator.size());
    absl::StrAppend(&text, first ? "" : separator, part);
    first = false;
  }
  return evaluator.heap().text(std::move(text));
}

Value items(Evaluator &evaluator, const Value &value, const Arguments &arguments) {
  bindArguments("items", arguments, {});
  std::vector<Value> pairs;
  if (!value.isDict() && !value.isUndefined())
    fail("'items' takes a dict, not '", typeName(value), "'");
  if (value.isDict())
    for (const auto &[key, entry] : value.mapping().entries)
      pairs.push_back(evaluator.heap().tuple({key, entry}));
  return evaluator.heap().list(std::move(pairs));
}

// `items` in the order of `key`; equal ones stay as they are, also in reverse.
template <class Key>
std::vector<Value> sorted(Evaluator &evaluator, const std::vector<Value> &items, bool reverse,
                          Key key) {
  std::vector<std::pair<Value, Value>> keyed; // and the item
  evaluator.heap().charge(items.size() * 2 * sizeof(Value));
  for (const Value &item : items)
    keyed.emplace_back(key(item), item);
  // A merge sort, which keeps the order of equals, and stays in bounds whatever NaN compares to.
  for (size_t width = 1; width < keyed.size(); width *= 2) {
    auto merged = keyed;
    for (size_t at = 0; at < keyed.size(); at += 2 * width) {
      const auto begin = keyed.begin() + at;
      const auto middle = keyed.begin() + std::min(at + width, keyed.size());
      const auto end = keyed.begin() + std::min(at + 2 * width, keyed.size());
      std::merge(begin, middle, middle, end, merged.begin() + at,
                 [&](const auto &a, const auto &b) {
                   const auto result = order(evaluator.heap(), a.first, b.first, "<");
                   return reverse ? result > 0 : result < 0;
                 });
    }
    keyed = std::move(merged);
  }
  std::vector<Value> result;
  for (const auto &[ignored, item] : keyed)
    result.push_back(item);
  return result;
}

bool flag(const std::optional<Value> &value) { return value && isTrue(*value); }

Value sort(Evaluator &evaluator, const Value &value, const Arguments &arguments) {
  const auto bound = bindArguments("sort", arguments, {"reverse", "case_sensitive", "attribute"});
  const ItemKey key(bound[2]);
  const bool heedCase = flag(bound[1]);
  return evaluator.heap().list(
      sorted(evaluator, iterate(evaluator.heap(), value), flag(bound[0]), [&](const Value &item) {
        const Value found = key.of(evaluator, item);
        return heedCase ? found : withoutCase(evaluator, found);
      }));
}

Value dictSort(Evaluator &evaluator, const Value &value, const Arguments &arguments) {
  const auto bound = bindArguments("dictsort", arguments, {"case_sensitive", "by", "reverse"});
  const absl::string_view by = bound[1] ? textArgument("dictsort", *bound[1]) : "key";
  if (by != "key" && by != "value")
    fail("'dictsort' sorts by key or value, not by '", by, "'");
  if (!value.isDict())
    fail("'dictsort' takes a dict, not '", typeName(value), "'");
  const Value pairs = items(evaluator, value, {});
  return evaluator.heap().list(
      sorted(evaluator, pairs.sequence().items, flag(bound[2]), [&](const Value &pair) {
        const Value &found = pair.sequence().items[by == "value"];
        return flag(bound[0]) ? found : withoutCase(evaluator, found);
      }));
}

Value unique(Evaluator &evaluator, const Value &value, const Arguments &arguments) {
  const auto bound = bindArguments("unique", arguments, {"case_sensitive", "attribute"});
  const ItemKey key(bound[1]);
  std::vector<Value> seen, kept;
  for (const Value &item : iterate(evaluator.heap(), value)) {
    Value found = key.of(evaluator, item);
    if (found.is(Kind::List) || found.isDict())
      fail("'unique' cannot compare items of type '", typeName(found), "'");
    if (!flag(bound[0]))
      found = withoutCase(evaluator, found);
    if (std::any_of(seen.begin(), seen.end(),
                    [&](const Value &other) { return isEqual(evaluator.heap(), other, found); }))
      continue;
    seen.push_back(found);
    kept.push_back(item);
  }
  return evaluator.heap().list(std::move(kept));
}

template <bool greatest>
Value extreme(Evaluator &evaluator, const Value &value, const Arguments &arguments) {
  const auto bound =
      bindArguments(greatest ? "max" : "min", arguments, {"case_sensitive", "attribute"});
  const ItemKey key(bound[1]);
  std::optional<Value> best;
  Value bestKey;
  for (const Value &item : iterate(evaluator.heap(), value)) {
    Value found = key.of(evaluator, item);
    if (!flag(bound[0]))
      found = withoutCase(evaluator, found);
    if (best) {
      const auto result = order(evaluator.heap(), found, bestKey, greatest ? ">" : "<");
      if (greatest ? !(result > 0) : !(result < 0))
        continue;
    }
    best = item;
    bestKey = found;
  }
  return best.value_or(Value::undefined("there is no item to choose"));
}

Value sum(Evaluator &evaluator, const Value &value, const Arguments &arguments) {
  const auto bound = bindArguments("sum", arguments, {"attribute", "start"});
  const ItemKey key(bound[0]);
  Value total = bound[1].value_or(Value::integer(0));
  for (const Value &item : iterate(evaluator.heap(), value))
    total = binary(evaluator.heap(), total, "+", key.of(evaluator, item));
  return total;
}

constexpr FilterEntry kFilters[] = {
    {"count", lengthOf},    {"dictsort", dictSort},  {"first", first},     {"items", items},
    {"join", join},         {"last", last},          {"length", lengthOf}, {"list", list},
    {"max", extreme<true>}, {"min", extreme<false>}, {"reverse", reverse}, {"sort", sort},
    {"sum", sum},           {"unique", unique},
};

} // namespace

std::span<const FilterEntry> sequenceFilters() { return kFilters; }

} // namespace llmc::chat
