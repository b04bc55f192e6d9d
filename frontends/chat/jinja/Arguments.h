// The arguments of a call.
#ifndef LLMC_FRONTENDS_CHAT_JINJA_ARGUMENTS_H
#define LLMC_FRONTENDS_CHAT_JINJA_ARGUMENTS_H

#include "frontends/chat/jinja/Value.h"
#include <initializer_list>
#include <optional>
#include <span>

namespace llmc::chat {

struct Arguments {
  std::vector<Value> positional = {};
  std::vector<std::pair<absl::string_view, Value>> keywords = {};

  // nullptr when there is none.
  const Value *keyword(absl::string_view name) const;
  // Those behind the first `count` positional ones.
  Arguments behind(size_t count) const;
};

// The arguments of `function` by parameter; what was not given is empty. Throws TemplateError for
// arguments too many, unknown, given twice, or missing among the first `required`.
std::vector<std::optional<Value>> bindArguments(absl::string_view function,
                                                const Arguments &arguments,
                                                std::initializer_list<absl::string_view> parameters,
                                                size_t required = 0);

// Of an argument of `function`. Throws TemplateError for another type.
int64_t integerArgument(absl::string_view function, const Value &value);
absl::string_view textArgument(absl::string_view function, const Value &value);

} // namespace llmc::chat

#endif
