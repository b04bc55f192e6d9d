#include "frontends/chat/jinja/Slices.h"
#include "frontends/chat/jinja/TemplateError.h"
#include "frontends/chat/jinja/Unicode.h"
#include <algorithm>

namespace llmc::chat {
namespace {

// The indices that a slice of `size` items takes.
std::vector<int64_t> indices(int64_t size, std::optional<int64_t> start,
                             std::optional<int64_t> stop, int64_t step) {
  const bool back = step < 0;
  const int64_t least = back ? -1 : 0, most = back ? size - 1 : size;
  const auto clamped = [&](std::optional<int64_t> bound, int64_t fallback) {
    if (!bound)
      return fallback;
    return std::clamp(*bound < 0 ? *bound + size : *bound, least, most);
  };
  const int64_t from = clamped(start, back ? most : least);
  const int64_t to = clamped(stop, back ? least : most);
  std::vector<int64_t> result;
  // A step beyond the size takes one item; so the sum below cannot overflow.
  step = std::clamp(step, -size - 1, size + 1);
  for (int64_t i = from; back ? i > to : i < to; i += step)
    result.push_back(i);
  return result;
}

} // namespace

Value slice(Heap &heap, const Value &value, std::optional<int64_t> start,
            std::optional<int64_t> stop, std::optional<int64_t> step) {
  if (step == 0)
    fail("the step of a slice cannot be 0");
  if (value.isUndefined())
    fail(value.reason());
  if (value.isSequence()) {
    const std::vector<Value> &items = value.sequence().items;
    std::vector<Value> result;
    for (int64_t i : indices(items.size(), start, stop, step.value_or(1)))
      result.push_back(items[i]);
    return value.is(Kind::Tuple) ? heap.tuple(std::move(result)) : heap.list(std::move(result));
  }
  if (!value.isText())
    fail("'", typeName(value), "' cannot be sliced");
  heap.charge(value.asText().size());
  const std::vector<absl::string_view> parts = characters(value.asText());
  std::string result;
  for (int64_t i : indices(parts.size(), start, stop, step.value_or(1)))
    absl::StrAppend(&result, parts[i]);
  return heap.text(std::move(result));
}

} // namespace llmc::chat
