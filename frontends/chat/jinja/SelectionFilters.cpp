// Filters that apply another filter or a test to each item.
#include "frontends/chat/jinja/Filters.h"
#include "frontends/chat/jinja/ItemKey.h"
#include "frontends/chat/jinja/Operators.h"
#include "frontends/chat/jinja/TemplateError.h"

namespace llmc::chat {
namespace {

Value map(Evaluator &evaluator, const Value &value, const Arguments &arguments) {
  std::vector<Value> result;
  if (arguments.positional.empty()) {
    const auto bound = bindArguments("map", arguments, {"attribute", "default"}, 1);
    const ItemKey key(bound[0]);
    const auto fallback = bound[1] && bound[1]->isNone() ? std::nullopt : bound[1];
    for (const Value &item : iterate(evaluator.heap(), value))
      result.push_back(key.of(evaluator, item, fallback));
  } else {
    const absl::string_view name = textArgument("map", arguments.positional[0]);
    const Arguments rest = arguments.behind(1);
    for (const Value &item : iterate(evaluator.heap(), value))
      result.push_back(evaluator.applyFilter(name, item, rest));
  }
  return evaluator.heap().list(std::move(result));
}

// select, reject, selectattr, rejectattr. Without the name of a test, what is true is selected.
template <bool wanted, bool byAttribute>
Value select(Evaluator &evaluator, const Value &value, const Arguments &arguments) {
  const auto &given = arguments.positional;
  const size_t testAt = byAttribute;
  if (given.size() < testAt)
    fail("the name of an attribute is missing");
  const ItemKey key(byAttribute ? std::optional<Value>(given[0]) : std::nullopt);
  std::optional<absl::string_view> test;
  if (given.size() > testAt)
    test = textArgument("select", given[testAt]);
  const Arguments rest = arguments.behind(testAt + 1);
  std::vector<Value> kept;
  for (const Value &item : iterate(evaluator.heap(), value)) {
    const Value found = key.of(evaluator, item);
    if ((test ? evaluator.applyTest(*test, found, rest) : isTrue(found)) == wanted)
      kept.push_back(item);
  }
  return evaluator.heap().list(std::move(kept));
}

constexpr FilterEntry kFilters[] = {
    {"map", map},
    {"reject", select<false, false>},
    {"rejectattr", select<false, true>},
    {"select", select<true, false>},
    {"selectattr", select<true, true>},
};

} // namespace

std::span<const FilterEntry> selectionFilters() { return kFilters; }

} // namespace llmc::chat
