// The filters of `value | name(arguments)`.
#ifndef LLMC_FRONTENDS_CHAT_JINJA_FILTERS_H
#define LLMC_FRONTENDS_CHAT_JINJA_FILTERS_H

#include "frontends/chat/jinja/Evaluator.h"
#include <span>

namespace llmc::chat {

using Filter = Value (*)(Evaluator &, const Value &, const Arguments &);

struct FilterEntry {
  absl::string_view name;
  Filter filter;
};

// By file.
std::span<const FilterEntry> textFilters();
std::span<const FilterEntry> valueFilters();
std::span<const FilterEntry> sequenceFilters();
std::span<const FilterEntry> selectionFilters();

// nullptr for an unknown name.
Filter findFilter(absl::string_view name);

} // namespace llmc::chat

#endif
