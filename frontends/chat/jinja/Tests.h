// The tests of `value is name(arguments)`.
#ifndef LLMC_FRONTENDS_CHAT_JINJA_TESTS_H
#define LLMC_FRONTENDS_CHAT_JINJA_TESTS_H

#include "frontends/chat/jinja/Evaluator.h"

namespace llmc::chat {

using Test = bool (*)(Evaluator &, const Value &, const Arguments &);

// nullptr for an unknown name.
Test findTest(absl::string_view name);

} // namespace llmc::chat

#endif
