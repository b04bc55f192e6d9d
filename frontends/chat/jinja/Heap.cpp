#include "frontends/chat/jinja/Heap.h"
#include "frontends/chat/jinja/TemplateError.h"

namespace llmc::chat {
namespace {

// Bytes that are looked at in the time of a step.
constexpr uint64_t kBytesPerStep = 64;

} // namespace

Value *Scope::findHere(absl::string_view name) {
  for (auto &[known, value] : names)
    if (known == name)
      return &value;
  return nullptr;
}

Value *Scope::find(absl::string_view name) {
  for (Scope *scope = this; scope; scope = scope->parent)
    if (Value *found = scope->findHere(name))
      return found;
  return nullptr;
}

void Heap::charge(uint64_t bytes) {
  if (bytes > bytes_)
    fail("the template takes too much memory");
  bytes_ -= bytes;
}

void Heap::work(uint64_t bytes) {
  const uint64_t steps = 1 + bytes / kBytesPerStep;
  if (steps > steps_)
    fail("the template takes too many steps");
  steps_ -= steps;
}

Value Heap::text(std::string text) {
  charge(sizeof(std::string) + text.size());
  work(text.size());
  return Value::text(texts_.emplace_back(std::move(text)));
}

Value Heap::undefined(std::string what) {
  charge(sizeof(std::string) + what.size());
  return Value::undefined(texts_.emplace_back(std::move(what)));
}

Sequence *Heap::sequence(std::vector<Value> items) {
  charge(sizeof(Sequence) + items.size() * sizeof(Value));
  work(items.size() * sizeof(Value));
  return &sequences_.emplace_back(Sequence{std::move(items)});
}

Mapping *Heap::mapping(std::vector<std::pair<Value, Value>> entries) {
  charge(sizeof(Mapping) + entries.size() * 2 * sizeof(Value));
  return &mappings_.emplace_back(Mapping{std::move(entries)});
}

Value Heap::list(std::vector<Value> items) { return Value::list(sequence(std::move(items))); }
Value Heap::tuple(std::vector<Value> items) { return Value::tuple(sequence(std::move(items))); }

Value Heap::dict(std::vector<std::pair<Value, Value>> entries) {
  return Value::dict(mapping(std::move(entries)));
}

Value Heap::nameSpace(std::vector<std::pair<Value, Value>> entries) {
  return Value::nameSpace(mapping(std::move(entries)));
}

Scope *Heap::scope(Scope *parent) {
  charge(sizeof(Scope) + sizeof(Value));
  return &scopes_.emplace_back(Scope{parent, {}});
}

} // namespace llmc::chat
