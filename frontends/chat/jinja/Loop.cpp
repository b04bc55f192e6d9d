#include "frontends/chat/jinja/Loop.h"
#include "frontends/chat/jinja/NativeFunction.h"
#include "frontends/chat/jinja/Operators.h"
#include "frontends/chat/jinja/TemplateError.h"

namespace llmc::chat {

Value Loop::attribute(Evaluator &evaluator, absl::string_view name) {
  const int64_t index = index_, count = items_.size();
  if (name == "index")
    return Value::integer(index + 1);
  if (name == "index0")
    return Value::integer(index);
  if (name == "revindex")
    return Value::integer(count - index);
  if (name == "revindex0")
    return Value::integer(count - index - 1);
  if (name == "first")
    return Value::boolean(index == 0);
  if (name == "last")
    return Value::boolean(index + 1 == count);
  if (name == "length")
    return Value::integer(count);
  if (name == "depth" || name == "depth0") // of recursive loops, which there are none of
    return Value::integer(name == "depth");
  if (name == "previtem")
    return index > 0 ? items_[index - 1] : Value::undefined("there is no previous item");
  if (name == "nextitem")
    return index + 1 < count ? items_[index + 1] : Value::undefined("there is no next item");
  if (name == "cycle")
    return evaluator.heap().object<NativeFunction>(
        "cycle", [this](Evaluator &, const Arguments &arguments) {
          if (arguments.positional.empty())
            fail("'cycle' needs values");
          return arguments.positional[index_ % arguments.positional.size()];
        });
  if (name == "changed")
    return evaluator.heap().object<NativeFunction>(
        "changed", [this](Evaluator &evaluator, const Arguments &arguments) {
          const auto &values = arguments.positional;
          bool same = lastSeen_.size() == values.size() && !lastSeen_.empty();
          for (size_t i = 0; same && i < values.size(); ++i)
            same = isEqual(evaluator.heap(), lastSeen_[i], values[i]);
          lastSeen_ = values;
          return Value::boolean(!same);
        });
  return {};
}

} // namespace llmc::chat
