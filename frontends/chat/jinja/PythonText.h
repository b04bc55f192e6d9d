// How Python prints values.
#ifndef LLMC_FRONTENDS_CHAT_JINJA_PYTHONTEXT_H
#define LLMC_FRONTENDS_CHAT_JINJA_PYTHONTEXT_H

#include "frontends/chat/jinja/Heap.h"
#include <string>

namespace llmc::chat {

// The shortest digits that give `number` again: 0.1, 1e+16, inf.
std::string floatText(double number);
// str(value)
std::string toText(Heap &heap, const Value &value);
// repr(value)
std::string toRepr(Heap &heap, const Value &value);

} // namespace llmc::chat

#endif
