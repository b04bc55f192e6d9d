#include "frontends/eval/ExactMatch.h"
#include "absl/strings/ascii.h"
#include <algorithm>

namespace llmc::eval {
namespace {

// Where line `count` of `text` ends; npos when it has not ended.
size_t endOfLine(absl::string_view text, size_t count) {
  size_t end = text.find('\n');
  while (--count > 0 && end != text.npos)
    end = text.find('\n', end + 1);
  return end;
}

size_t linesOf(absl::string_view completion) {
  const absl::string_view text = absl::StripAsciiWhitespace(completion);
  return 1 + static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

} // namespace

std::string comparedAnswer(absl::string_view answer, absl::string_view completion) {
  const absl::string_view text = absl::StripLeadingAsciiWhitespace(answer);
  return std::string(
      absl::StripAsciiWhitespace(text.substr(0, endOfLine(text, linesOf(completion)))));
}

bool isExactMatch(absl::string_view answer, absl::string_view completion) {
  return comparedAnswer(answer, completion) == absl::StripAsciiWhitespace(completion);
}

bool hasAllLines(absl::string_view answer, absl::string_view completion) {
  const absl::string_view text = absl::StripLeadingAsciiWhitespace(answer);
  return endOfLine(text, linesOf(completion)) != text.npos;
}

} // namespace llmc::eval
