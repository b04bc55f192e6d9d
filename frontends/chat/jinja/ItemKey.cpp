#include "frontends/chat/jinja/ItemKey.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "frontends/chat/jinja/TextOperations.h"
#include <algorithm>

namespace llmc::chat {

ItemKey::ItemKey(const std::optional<Value> &attribute) {
  if (!attribute || attribute->isNone())
    return;
  if (attribute->isIntegral()) {
    parts_.push_back(*attribute);
    return;
  }
  for (absl::string_view part : absl::StrSplit(textArgument("attribute", *attribute), '.')) {
    int64_t index;
    const bool digits = std::all_of(part.begin(), part.end(), absl::ascii_isdigit);
    parts_.push_back(digits && absl::SimpleAtoi(part, &index) ? Value::integer(index)
                                                              : Value::text(part));
  }
}

Value ItemKey::of(Evaluator &evaluator, const Value &item,
                  const std::optional<Value> &fallback) const {
  Value value = item;
  for (const Value &part : parts_) {
    value = evaluator.subscript(value, part);
    if (value.isUndefined() && fallback)
      value = *fallback;
  }
  return value;
}

Value withoutCase(Evaluator &evaluator, const Value &value) {
  return value.isText() ? evaluator.heap().text(lowercase(value.asText())) : value;
}

} // namespace llmc::chat
