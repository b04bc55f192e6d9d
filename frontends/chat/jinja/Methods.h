// The methods of Python's types.
#ifndef LLMC_FRONTENDS_CHAT_JINJA_METHODS_H
#define LLMC_FRONTENDS_CHAT_JINJA_METHODS_H

#include "frontends/chat/jinja/Evaluator.h"
#include <span>

namespace llmc::chat {

using Method = Value (*)(Evaluator &, const Value &self, const Arguments &);

struct MethodEntry {
  absl::string_view name;
  Method method; // nullptr: Python has it, this interpreter has not
};

// Of strings, lists (tuples have some of these) and dicts. A name that is listed hides an entry of
// a dict from `value.name`, as in Python.
std::span<const MethodEntry> textMethods();
std::span<const MethodEntry> listMethods();
std::span<const MethodEntry> dictMethods();

// nullptr when the type has no such method.
const MethodEntry *findMethod(Kind kind, absl::string_view name);

} // namespace llmc::chat

#endif
