// What Python's operators do with values. All throw TemplateError where Python raises.
#ifndef LLMC_FRONTENDS_CHAT_JINJA_OPERATORS_H
#define LLMC_FRONTENDS_CHAT_JINJA_OPERATORS_H

#include "frontends/chat/jinja/Heap.h"
#include <compare>

namespace llmc::chat {

bool isTrue(const Value &value);
bool isEqual(Heap &heap, const Value &left, const Value &right);
// By Python's `<`; `sign` is the operator that stands in errors.
std::partial_ordering order(Heap &heap, const Value &left, const Value &right,
                            absl::string_view sign);
// `left sign right` for == != < <= > >= in, "not in".
bool compare(Heap &heap, const Value &left, absl::string_view sign, const Value &right);
bool contains(Heap &heap, const Value &container, const Value &item);

// + - * / // % **
Value binary(Heap &heap, const Value &left, absl::string_view sign, const Value &right);
Value negate(Heap &heap, const Value &value);

// What a loop over `value` visits: items, keys or characters. An undefined value has none.
std::vector<Value> iterate(Heap &heap, const Value &value);
// len(): as many as iterate() gives, without them.
int64_t length(const Value &value);

// Of a Dict. nullptr when there is none.
Value *findEntry(Heap &heap, const Value &dict, const Value &key);
void setEntry(Heap &heap, Mapping &mapping, const Value &key, const Value &value);

} // namespace llmc::chat

#endif
