// Python's two ways to format: "%s" % value and "{}".format(value).
#ifndef LLMC_FRONTENDS_CHAT_JINJA_FORMAT_H
#define LLMC_FRONTENDS_CHAT_JINJA_FORMAT_H

#include "frontends/chat/jinja/Arguments.h"
#include "frontends/chat/jinja/Heap.h"

namespace llmc::chat {

// `values` is a tuple of what the conversions take, a dict for "%(name)s", or one value.
Value formatPercent(Heap &heap, absl::string_view format, const Value &values);
Value formatBraces(Heap &heap, absl::string_view format, const Arguments &arguments);

} // namespace llmc::chat

#endif
