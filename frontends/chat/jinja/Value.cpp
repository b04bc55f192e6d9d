#include "frontends/chat/jinja/Value.h"
#include "frontends/chat/jinja/TemplateError.h"

namespace llmc::chat {

Value Value::number(double value) {
  Value result(Kind::Float, int64_t(0));
  result.number_ = value;
  return result;
}

Value *Mapping::find(absl::string_view key) {
  for (auto &[name, value] : entries)
    if (name.isText() && name.asText() == key)
      return &value;
  return nullptr;
}

Value Object::call(Evaluator &, const Arguments &) {
  fail("'", typeName(), "' object is not callable");
}

absl::string_view typeName(const Value &value) {
  switch (value.kind()) {
  case Kind::Undefined:
    return "Undefined";
  case Kind::None:
    return "NoneType";
  case Kind::Boolean:
    return "bool";
  case Kind::Integer:
    return "int";
  case Kind::Float:
    return "float";
  case Kind::String:
    return "str";
  case Kind::List:
    return "list";
  case Kind::Tuple:
    return "tuple";
  case Kind::Dict:
    return "dict";
  case Kind::Namespace:
    return "Namespace";
  case Kind::Object:
    return value.object().typeName();
  }
  return "";
}

} // namespace llmc::chat
