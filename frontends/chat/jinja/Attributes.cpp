// value.name and value[key].
#include "frontends/chat/jinja/Evaluator.h"
#include "frontends/chat/jinja/Methods.h"
#include "frontends/chat/jinja/NativeFunction.h"
#include "frontends/chat/jinja/Operators.h"
#include "frontends/chat/jinja/TemplateError.h"
#include "frontends/chat/jinja/Unicode.h"

namespace llmc::chat {
namespace {

// As Jinja's messages call the type.
std::string described(const Value &value) {
  return value.isNone() ? "'None'" : absl::StrCat("'", typeName(value), " object'");
}

Value methodOf(Evaluator &evaluator, const Value &value, absl::string_view name) {
  const MethodEntry *entry = findMethod(value.kind(), name);
  if (!entry)
    return {};
  return evaluator.heap().object<NativeFunction>(
      entry->name, [value, entry](Evaluator &evaluator, const Arguments &arguments) {
        if (!entry->method)
          fail("the method '", entry->name, "' of '", typeName(value), "' is not supported");
        return entry->method(evaluator, value, arguments);
      });
}

// Undefined when there is none.
Value ownAttribute(Evaluator &evaluator, const Value &value, absl::string_view name) {
  if (value.is(Kind::Object))
    return value.object().attribute(evaluator, name);
  if (value.is(Kind::Namespace)) {
    const Value *found = value.mapping().find(name);
    return found ? *found : Value();
  }
  return methodOf(evaluator, value, name);
}

Value atIndex(Evaluator &evaluator, const Value &value, int64_t index) {
  evaluator.heap().work(value.isText() ? value.asText().size() : 0);
  const int64_t count = length(value), at = index < 0 ? index + count : index;
  if (at < 0 || at >= count)
    return evaluator.heap().undefined(absl::StrCat(described(value), " has no element ", index));
  if (value.isSequence())
    return value.sequence().items[at];
  size_t offset = 0;
  for (int64_t i = 0; i < at; ++i)
    offset += characterAt(value.asText(), offset).size();
  return Value::text(characterAt(value.asText(), offset));
}

} // namespace

Value Evaluator::attribute(const Value &value, absl::string_view name) {
  if (value.isUndefined())
    fail(value.reason());
  if (const Value own = ownAttribute(*this, value, name); !own.isUndefined())
    return own;
  if (value.isDict())
    if (const Value *found = findEntry(heap_, value, Value::text(name)))
      return *found;
  return heap_.undefined(absl::StrCat(described(value), " has no attribute '", name, "'"));
}

Value Evaluator::subscript(const Value &value, const Value &key) {
  if (value.isUndefined())
    fail(value.reason());
  if (value.isDict() && !key.is(Kind::List) && !key.isDict())
    if (const Value *found = findEntry(heap_, value, key))
      return *found;
  if ((value.isSequence() || value.isText()) && key.isIntegral())
    return atIndex(*this, value, key.asInteger());
  if (!key.isText())
    return heap_.undefined(
        absl::StrCat(described(value), " has no such element: '", typeName(key), "'"));
  if (const Value own = ownAttribute(*this, value, key.asText()); !own.isUndefined())
    return own;
  return heap_.undefined(absl::StrCat(described(value), " has no attribute '", key.asText(), "'"));
}

} // namespace llmc::chat
