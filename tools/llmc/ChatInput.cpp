#include "tools/llmc/ChatInput.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/core/Interrupt.h"
#include "tools/llmc/Console.h"
#include <algorithm>
#include <cerrno>
#include <unistd.h>

namespace llmc::cli {
namespace {

constexpr char kPrompt[] = "> ", kGoesOn[] = ". ";
constexpr absl::string_view kBlock = "\"\"\"";

// "/save FILE", but neither "/etc/passwd is..." nor "// ...".
bool isCommand(absl::string_view line) {
  if (!absl::StartsWith(line, "/"))
    return false;
  const absl::string_view word = line.substr(1, line.find_first_of(" \t") - 1);
  return !word.empty() && std::all_of(word.begin(), word.end(), absl::ascii_isalpha);
}

} // namespace

ChatInput::ChatInput() : interactive_(isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)) {}

ChatInput::LineEnd ChatInput::readLine(const char *prompt, std::string &line) {
  if (interactive_)
    printNow(prompt);
  while (true) {
    if (InterruptGuard::interrupted())
      return LineEnd::Signal;
    if (const size_t end = buffer_.find('\n'); end != std::string::npos) {
      line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      if (absl::EndsWith(line, "\r"))
        line.pop_back();
      return LineEnd::Newline;
    }
    char part[4096];
    const ssize_t count = read(STDIN_FILENO, part, sizeof part);
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0) { // an input that cannot be read is at its end
      line = std::exchange(buffer_, "");
      return LineEnd::EndOfInput;
    }
    buffer_.append(part, count);
  }
}

ChatInput::Entry ChatInput::next() {
  std::string text, line;
  bool block = false;
  while (true) {
    const bool first = text.empty() && !block;
    const LineEnd end = readLine(first ? kPrompt : kGoesOn, line);
    if (end == LineEnd::Signal) {
      buffer_.clear();
      return {Event::Interrupted};
    }
    if (end == LineEnd::EndOfInput && line.empty() && first)
      return {Event::End};
    if (first && !block && isCommand(line))
      return {Event::Command, line.substr(1)};
    absl::string_view rest = line;
    if (first && absl::StartsWith(absl::StripLeadingAsciiWhitespace(rest), kBlock)) {
      block = true;
      rest = absl::StripLeadingAsciiWhitespace(rest).substr(kBlock.size());
      if (rest.empty() && end == LineEnd::Newline)
        continue;
    }
    const absl::string_view stripped = absl::StripTrailingAsciiWhitespace(rest);
    const bool closes = block && absl::EndsWith(stripped, kBlock);
    if (closes)
      rest = stripped.substr(0, stripped.size() - kBlock.size());
    const bool goesOn = !block && absl::EndsWith(rest, "\\");
    if (goesOn)
      rest.remove_suffix(1);
    absl::StrAppend(&text, rest);
    if (end == LineEnd::Newline && !closes && (block || goesOn)) {
      text += '\n';
      continue;
    }
    if (block && absl::EndsWith(text, "\n"))
      text.pop_back(); // of the line that only closes it
    if (!absl::StripAsciiWhitespace(text).empty())
      return {Event::Message, absl::StartsWith(text, "//") ? text.substr(1) : text};
    if (end == LineEnd::EndOfInput)
      return {Event::End};
    text.clear();
    block = false;
  }
}

} // namespace llmc::cli
