#include "frontends/chat/jinja/Arguments.h"
#include "frontends/chat/jinja/TemplateError.h"

namespace llmc::chat {

const Value *Arguments::keyword(absl::string_view name) const {
  for (const auto &[known, value] : keywords)
    if (known == name)
      return &value;
  return nullptr;
}

Arguments Arguments::behind(size_t count) const {
  Arguments rest = *this;
  rest.positional.erase(rest.positional.begin(),
                        rest.positional.begin() + std::min(count, positional.size()));
  return rest;
}

std::vector<std::optional<Value>> bindArguments(absl::string_view function,
                                                const Arguments &arguments,
                                                std::initializer_list<absl::string_view> parameters,
                                                size_t required) {
  std::vector<std::optional<Value>> bound(parameters.size());
  if (arguments.positional.size() > parameters.size())
    fail("'", function, "' takes ", parameters.size(), " arguments at the most, not ",
         arguments.positional.size());
  for (size_t i = 0; i < arguments.positional.size(); ++i)
    bound[i] = arguments.positional[i];
  for (const auto &[name, value] : arguments.keywords) {
    size_t i = 0;
    while (i < parameters.size() && parameters.begin()[i] != name)
      ++i;
    if (i == parameters.size())
      fail("'", function, "' has no argument '", name, "'");
    if (bound[i])
      fail("'", function, "' is given its argument '", name, "' twice");
    bound[i] = value;
  }
  for (size_t i = 0; i < required; ++i)
    if (!bound[i])
      fail("'", function, "' misses its argument '", parameters.begin()[i], "'");
  return bound;
}

int64_t integerArgument(absl::string_view function, const Value &value) {
  if (value.isUndefined())
    fail(value.reason());
  if (!value.isIntegral())
    fail("'", function, "' takes a whole number, not '", typeName(value), "'");
  return value.asInteger();
}

absl::string_view textArgument(absl::string_view function, const Value &value) {
  if (value.isUndefined())
    fail(value.reason());
  if (!value.isText())
    fail("'", function, "' takes a string, not '", typeName(value), "'");
  return value.asText();
}

} // namespace llmc::chat
