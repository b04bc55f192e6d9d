#ifndef LLMC_FRONTENDS_CHAT_JINJA_ITEMKEY_H
#define LLMC_FRONTENDS_CHAT_JINJA_ITEMKEY_H

#include "frontends/chat/jinja/Evaluator.h"

namespace llmc::chat {

// What filters look at in an item: the item itself, or what "a.b.0" says of it.
class ItemKey {
public:
  // `attribute` is a string, a number, or absent. Throws TemplateError for another type.
  explicit ItemKey(const std::optional<Value> &attribute);

  // `fallback`, if there is one, takes the place of what is undefined.
  Value of(Evaluator &evaluator, const Value &item,
           const std::optional<Value> &fallback = std::nullopt) const;

private:
  std::vector<Value> parts_;
};

// For comparisons that do not heed case: a text in lower case, any other value itself.
Value withoutCase(Evaluator &evaluator, const Value &value);

} // namespace llmc::chat

#endif
