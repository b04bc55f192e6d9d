#ifndef LLMC_RUNTIME_TEXT_MARKUP_H
#define LLMC_RUNTIME_TEXT_MARKUP_H

#include "absl/strings/string_view.h"

#include <string>

namespace llmc {

/// A text as the content of an element or an attribute in quotes, of HTML, XML and SVG alike:
/// characters that mean something there are escaped; control characters, which XML forbids, are
/// left out, but for tabs and newlines.
std::string escapedMarkup(absl::string_view text);

} // namespace llmc

#endif // LLMC_RUNTIME_TEXT_MARKUP_H
