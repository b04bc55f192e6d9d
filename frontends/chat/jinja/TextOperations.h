// Operations on texts that filters and methods share, as Python's str has them.
#ifndef LLMC_FRONTENDS_CHAT_JINJA_TEXTOPERATIONS_H
#define LLMC_FRONTENDS_CHAT_JINJA_TEXTOPERATIONS_H

#include "frontends/chat/jinja/Heap.h"
#include <optional>
#include <string>

namespace llmc::chat {

// str.strip(set); without a set, white space.
absl::string_view strip(Heap &heap, absl::string_view text, std::optional<absl::string_view> set,
                        bool left, bool right);
// str.split(separator, most), or rsplit; without a separator, at white space. Views of `text`.
std::vector<absl::string_view> split(Heap &heap, absl::string_view text,
                                     std::optional<absl::string_view> separator, int64_t most,
                                     bool fromRight);
// Without the ends of the lines, or with them.
std::vector<absl::string_view> splitLines(absl::string_view text, bool keepEnds);
// str.replace(); at most `most` times, negative: all.
std::string replaced(Heap &heap, absl::string_view text, absl::string_view from,
                     absl::string_view to, int64_t most);
std::string uppercase(absl::string_view text);
std::string lowercase(absl::string_view text);
// The first character upper case, the others lower.
std::string capitalized(absl::string_view text);

} // namespace llmc::chat

#endif
