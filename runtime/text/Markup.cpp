#include "runtime/text/Markup.h"

#include "absl/strings/str_replace.h"

namespace llmc {

std::string escapedMarkup(absl::string_view text) {
  std::string out = absl::StrReplaceAll(
      text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}});
  std::erase_if(out,
                [](unsigned char c) { return (c < 0x20 && c != '\t' && c != '\n') || c == 0x7f; });
  return out;
}

} // namespace llmc
