#ifndef LLMC_FRONTENDS_CHAT_JINJA_GLOBALS_H
#define LLMC_FRONTENDS_CHAT_JINJA_GLOBALS_H

#include "frontends/chat/jinja/Heap.h"

namespace llmc::chat {

// Sets the functions that every template has: Jinja's range, dict, namespace, cycler and joiner,
// and Hugging Face's raise_exception and strftime_now.
void setGlobals(Heap &heap, Scope &scope);

} // namespace llmc::chat

#endif
