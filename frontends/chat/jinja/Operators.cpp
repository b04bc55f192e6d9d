#include "frontends/chat/jinja/Operators.h"
#include "absl/strings/match.h"
#include "frontends/chat/jinja/TemplateError.h"
#include "frontends/chat/jinja/Unicode.h"

namespace llmc::chat {
namespace {

// Of containers in each other.
constexpr int kDeepest = 200;

void needDefined(const Value &value) {
  if (value.isUndefined())
    fail(value.reason());
}

bool equalAt(Heap &heap, const Value &left, const Value &right, int depth) {
  if (depth > kDeepest)
    fail("containers are nested too deeply to be compared");
  heap.work();
  if (left.isNumber() && right.isNumber()) {
    if (left.isIntegral() && right.isIntegral())
      return left.asInteger() == right.asInteger();
    return left.asNumber() == right.asNumber();
  }
  if (left.kind() != right.kind())
    return false;
  switch (left.kind()) {
  case Kind::Undefined:
  case Kind::None:
    return true;
  case Kind::String:
    heap.work(left.asText().size());
    return left.asText() == right.asText();
  case Kind::List:
  case Kind::Tuple: {
    const auto &a = left.sequence().items, &b = right.sequence().items;
    if (a.size() != b.size())
      return false;
    for (size_t i = 0; i < a.size(); ++i)
      if (!equalAt(heap, a[i], b[i], depth + 1))
        return false;
    return true;
  }
  case Kind::Dict: {
    if (left.mapping().entries.size() != right.mapping().entries.size())
      return false;
    for (const auto &[key, value] : left.mapping().entries) {
      const Value *other = findEntry(heap, right, key);
      if (!other || !equalAt(heap, value, *other, depth + 1))
        return false;
    }
    return true;
  }
  case Kind::Namespace:
    return &left.mapping() == &right.mapping();
  default:
    return &left.object() == &right.object();
  }
}

std::partial_ordering orderAt(Heap &heap, const Value &left, const Value &right,
                              absl::string_view sign, int depth) {
  if (depth > kDeepest)
    fail("containers are nested too deeply to be compared");
  needDefined(left);
  needDefined(right);
  if (left.isNumber() && right.isNumber()) {
    if (left.isIntegral() && right.isIntegral())
      return left.asInteger() <=> right.asInteger();
    return left.asNumber() <=> right.asNumber();
  }
  if (left.isText() && right.isText()) {
    heap.work(std::min(left.asText().size(), right.asText().size()));
    return left.asText().compare(right.asText()) <=> 0;
  }
  if (left.kind() != right.kind() || !left.isSequence())
    fail("'", sign, "' is not supported between '", typeName(left), "' and '", typeName(right),
         "'");
  const auto &a = left.sequence().items, &b = right.sequence().items;
  for (size_t i = 0; i < a.size() && i < b.size(); ++i)
    if (!isEqual(heap, a[i], b[i]))
      return orderAt(heap, a[i], b[i], sign, depth + 1);
  return a.size() <=> b.size();
}

} // namespace

bool isTrue(const Value &value) {
  switch (value.kind()) {
  case Kind::Undefined:
  case Kind::None:
    return false;
  case Kind::Boolean:
  case Kind::Integer:
    return value.asInteger() != 0;
  case Kind::Float:
    return value.asNumber() != 0;
  case Kind::String:
    return !value.asText().empty();
  case Kind::List:
  case Kind::Tuple:
    return !value.sequence().items.empty();
  case Kind::Dict:
    return !value.mapping().entries.empty();
  case Kind::Namespace:
  case Kind::Object:
    return true;
  }
  return false;
}

bool isEqual(Heap &heap, const Value &left, const Value &right) {
  return equalAt(heap, left, right, 0);
}

std::partial_ordering order(Heap &heap, const Value &left, const Value &right,
                            absl::string_view sign) {
  return orderAt(heap, left, right, sign, 0);
}

bool compare(Heap &heap, const Value &left, absl::string_view sign, const Value &right) {
  if (sign == "==" || sign == "!=")
    return isEqual(heap, left, right) == (sign == "==");
  if (sign == "in" || sign == "not in")
    return contains(heap, right, left) == (sign == "in");
  const std::partial_ordering result = order(heap, left, right, sign);
  return sign == "<"    ? result < 0
         : sign == "<=" ? result <= 0
         : sign == ">"  ? result > 0
                        : result >= 0;
}

bool contains(Heap &heap, const Value &container, const Value &item) {
  switch (container.kind()) {
  case Kind::Undefined:
    return false;
  case Kind::String:
    needDefined(item);
    if (!item.isText())
      fail("'in <string>' requires a string on the left, not '", typeName(item), "'");
    heap.work(container.asText().size() * std::min<size_t>(1 + item.asText().size() / 16, 1 << 20));
    return absl::StrContains(container.asText(), item.asText());
  case Kind::List:
  case Kind::Tuple:
    for (const Value &value : container.sequence().items)
      if (isEqual(heap, value, item))
        return true;
    return false;
  case Kind::Dict:
    return findEntry(heap, container, item) != nullptr;
  default:
    fail("'", typeName(container), "' has no items to look among");
  }
}

std::vector<Value> iterate(Heap &heap, const Value &value) {
  std::vector<Value> items;
  const auto charge = [&](size_t count) { heap.charge(count * sizeof(Value)); };
  switch (value.kind()) {
  case Kind::Undefined:
    break;
  case Kind::String:
    charge(characterCount(value.asText()));
    for (absl::string_view character : characters(value.asText()))
      items.push_back(Value::text(character));
    break;
  case Kind::List:
  case Kind::Tuple:
    charge(value.sequence().items.size());
    items = value.sequence().items;
    break;
  case Kind::Dict:
    charge(value.mapping().entries.size());
    for (const auto &[key, entry] : value.mapping().entries)
      items.push_back(key);
    break;
  default:
    fail("'", typeName(value), "' cannot be looped over");
  }
  heap.work(items.size() * sizeof(Value));
  return items;
}

int64_t length(const Value &value) {
  switch (value.kind()) {
  case Kind::Undefined:
    return 0;
  case Kind::String:
    return characterCount(value.asText());
  case Kind::List:
  case Kind::Tuple:
    return value.sequence().items.size();
  case Kind::Dict:
    return value.mapping().entries.size();
  default:
    fail("'", typeName(value), "' has no length");
  }
}

Value *findEntry(Heap &heap, const Value &dict, const Value &key) {
  if (key.is(Kind::List) || key.isDict())
    fail("'", typeName(key), "' cannot be a key");
  for (auto &[known, value] : dict.mapping().entries)
    if (isEqual(heap, known, key))
      return &value;
  return nullptr;
}

void setEntry(Heap &heap, Mapping &mapping, const Value &key, const Value &value) {
  if (Value *found = findEntry(heap, Value::dict(&mapping), key)) {
    *found = value;
    return;
  }
  heap.charge(2 * sizeof(Value));
  mapping.entries.emplace_back(key, value);
}

} // namespace llmc::chat
