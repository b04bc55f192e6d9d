// Text from a hostile file made fit for a one-line message.
#ifndef LLMC_FRONTENDS_GGUF_FILE_GGUFTEXT_H
#define LLMC_FRONTENDS_GGUF_FILE_GGUFTEXT_H

#include "absl/strings/string_view.h"
#include <string>

namespace llmc::gguf {

// `text` with control characters and bytes that are not UTF-8 written as escapes, cut after about
// `limit` bytes (then it ends in "..."). The result is valid UTF-8.
std::string printable(absl::string_view text, size_t limit);

// The same between single quotes, for names in messages.
std::string inQuotes(absl::string_view text, size_t limit = 80);

// What to do about a file whose bytes cannot be right.
inline constexpr absl::string_view damagedRemedy =
    "the file is truncated or damaged, fetch or convert it again";

} // namespace llmc::gguf

#endif
