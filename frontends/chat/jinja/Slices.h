#ifndef LLMC_FRONTENDS_CHAT_JINJA_SLICES_H
#define LLMC_FRONTENDS_CHAT_JINJA_SLICES_H

#include "frontends/chat/jinja/Heap.h"
#include <optional>

namespace llmc::chat {

// value[start:stop:step] of a text, list or tuple, with Python's defaults and its clamping. Throws
// TemplateError for other values and a step of 0.
Value slice(Heap &heap, const Value &value, std::optional<int64_t> start,
            std::optional<int64_t> stop, std::optional<int64_t> step);

} // namespace llmc::chat

#endif
