#include "frontends/tokenizer/UnicodePatterns.h"
#include "absl/strings/str_cat.h"

namespace llmc::tokenizer {
namespace {

constexpr absl::string_view whiteSpace = R"(\t-\r\x{85}\p{Z})";

} // namespace

std::string expandUnicodeClasses(absl::string_view pattern) {
  std::string out;
  bool inClass = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    char c = pattern[i];
    if (c == '\\' && i + 1 < pattern.size()) {
      char escaped = pattern[++i];
      if (escaped == 's')
        absl::StrAppend(&out, inClass ? "" : "[", whiteSpace, inClass ? "" : "]");
      else if (escaped == 'S' && !inClass)
        absl::StrAppend(&out, "[^", whiteSpace, "]");
      else
        out.append({'\\', escaped});
      continue;
    }
    if (c == '[')
      inClass = true;
    else if (c == ']')
      inClass = false;
    out.push_back(c);
  }
  return out;
}

} // namespace llmc::tokenizer
