// Methods of lists and dicts.
#include "frontends/chat/jinja/Methods.h"
#include "frontends/chat/jinja/Operators.h"
#include "frontends/chat/jinja/TemplateError.h"
#include <algorithm>

namespace llmc::chat {
namespace {

// Where a list's method finds an index that may count from the end.
size_t place(absl::string_view method, const Value &index, size_t size) {
  const int64_t given = integerArgument(method, index);
  const int64_t at = given < 0 ? given + int64_t(size) : given;
  if (at < 0 || at >= int64_t(size))
    fail("'", method, "': there is no element ", given);
  return at;
}

Value append(Evaluator &evaluator, const Value &self, const Arguments &arguments) {
  const auto bound = bindArguments("append", arguments, {"item"}, 1);
  evaluator.heap().charge(sizeof(Value));
  self.sequence().items.push_back(*bound[0]);
  return Value::none();
}

Value extend(Evaluator &evaluator, const Value &self, const Arguments &arguments) {
  const auto bound = bindArguments("extend", arguments, {"items"}, 1);
  const std::vector<Value> more = iterate(evaluator.heap(), *bound[0]);
  auto &items = self.sequence().items;
  items.insert(items.end(), more.begin(), more.end());
  return Value::none();
}

Value insert(Evaluator &evaluator, const Value &self, const Arguments &arguments) {
  const auto bound = bindArguments("insert", arguments, {"index", "item"}, 2);
  auto &items = self.sequence().items;
  const int64_t size = items.size(), given = integerArgument("insert", *bound[0]);
  evaluator.heap().charge(sizeof(Value));
  evaluator.heap().work(items.size() * sizeof(Value));
  items.insert(items.begin() + std::clamp<int64_t>(given < 0 ? given + size : given, 0, size),
               *bound[1]);
  return Value::none();
}

Value popItem(Evaluator &evaluator, const Value &self, const Arguments &arguments) {
  const auto bound = bindArguments("pop", arguments, {"index"});
  auto &items = self.sequence().items;
  const size_t at = place("pop", bound[0].value_or(Value::integer(-1)), items.size());
  evaluator.heap().work(items.size() * sizeof(Value));
  const Value item = items[at];
  items.erase(items.begin() + at);
  return item;
}

Value indexOf(Evaluator &evaluator, const Value &self, const Arguments &arguments) {
  const auto bound = bindArguments("index", arguments, {"item"}, 1);
  const auto &items = self.sequence().items;
  for (size_t i = 0; i < items.size(); ++i)
    if (isEqual(evaluator.heap(), items[i], *bound[0]))
      return Value::integer(i);
  fail("'index': the item is not in the list");
}

Value countOf(Evaluator &evaluator, const Value &self, const Arguments &arguments) {
  const auto bound = bindArguments("count", arguments, {"item"}, 1);
  int64_t count = 0;
  for (const Value &item : self.sequence().items)
    count += isEqual(evaluator.heap(), item, *bound[0]);
  return Value::integer(count);
}

Value copyList(Evaluator &evaluator, const Value &self, const Arguments &arguments) {
  bindArguments("copy", arguments, {});
  return evaluator.heap().list(self.sequence().items);
}

Value get(Evaluator &evaluator, const Value &self, const Arguments &arguments) {
  const auto bound = bindArguments("get", arguments, {"key", "default"}, 1);
  const Value *found = findEntry(evaluator.heap(), self, *bound[0]);
  return found ? *found : bound[1].value_or(Value::none());
}

Value items(Evaluator &evaluator, const Value &self, const Arguments &arguments) {
  bindArguments("items", arguments, {});
  std::vector<Value> pairs;
  for (const auto &[key, value] : self.mapping().entries)
    pairs.push_back(evaluator.heap().tuple({key, value}));
  return evaluator.heap().list(std::move(pairs));
}

Value keys(Evaluator &evaluator, const Value &self, const Arguments &arguments) {
  bindArguments("keys", arguments, {});
  return evaluator.heap().list(iterate(evaluator.heap(), self));
}

Value values(Evaluator &evaluator, const Value &self, const Arguments &arguments) {
  bindArguments("values", arguments, {});
  std::vector<Value> result;
  for (const auto &[key, value] : self.mapping().entries)
    result.push_back(value);
  return evaluator.heap().list(std::move(result));
}

Value copyDict(Evaluator &evaluator, const Value &self, const Arguments &arguments) {
  bindArguments("copy", arguments, {});
  return evaluator.heap().dict(self.mapping().entries);
}

Value update(Evaluator &evaluator, const Value &self, const Arguments &arguments) {
  for (const Value &other : arguments.positional) {
    if (!other.isDict())
      fail("'update' takes a dict, not '", typeName(other), "'");
    const auto entries = other.mapping().entries; // it may be `self`
    for (const auto &[key, value] : entries)
      setEntry(evaluator.heap(), self.mapping(), key, value);
  }
  for (const auto &[key, value] : arguments.keywords)
    setEntry(evaluator.heap(), self.mapping(), Value::text(key), value);
  return Value::none();
}

Value popKey(Evaluator &evaluator, const Value &self, const Arguments &arguments) {
  const auto bound = bindArguments("pop", arguments, {"key", "default"}, 1);
  const Value *found = findEntry(evaluator.heap(), self, *bound[0]);
  if (!found && !bound[1])
    fail("'pop': there is no such key");
  if (!found)
    return *bound[1];
  const Value value = *found;
  auto &entries = self.mapping().entries;
  std::erase_if(entries, [&](const auto &entry) { return &entry.second == found; });
  return value;
}

constexpr MethodEntry kListMethods[] = {
    {"append", append},  {"clear", nullptr},   {"copy", copyList}, {"count", countOf},
    {"extend", extend},  {"index", indexOf},   {"insert", insert}, {"pop", popItem},
    {"remove", nullptr}, {"reverse", nullptr}, {"sort", nullptr},
};

constexpr MethodEntry kDictMethods[] = {
    {"clear", nullptr}, {"copy", copyDict}, {"fromkeys", nullptr},   {"get", get},
    {"items", items},   {"keys", keys},     {"pop", popKey},         {"popitem", nullptr},
    {"update", update}, {"values", values}, {"setdefault", nullptr},
};

} // namespace

std::span<const MethodEntry> listMethods() { return kListMethods; }
std::span<const MethodEntry> dictMethods() { return kDictMethods; }

const MethodEntry *findMethod(Kind kind, absl::string_view name) {
  std::span<const MethodEntry> methods;
  if (kind == Kind::String)
    methods = textMethods();
  else if (kind == Kind::List || (kind == Kind::Tuple && (name == "count" || name == "index")))
    methods = listMethods();
  else if (kind == Kind::Dict)
    methods = dictMethods();
  for (const MethodEntry &entry : methods)
    if (entry.name == name)
      return &entry;
  return nullptr;
}

} // namespace llmc::chat
