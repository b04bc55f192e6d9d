#include "frontends/chat/jinja/TextOperations.h"
#include "absl/strings/str_cat.h"
#include "frontends/chat/jinja/TemplateError.h"
#include "frontends/chat/jinja/Unicode.h"
#include <algorithm>

namespace llmc::chat {
namespace {

constexpr size_t kNone = absl::string_view::npos;

// Offset of the first white space (or other character) of `text`, or npos.
size_t findSpace(absl::string_view text, bool space) {
  const absl::string_view rest =
      stripLeft(text, [&](char32_t code) { return isSpace(code) != space; });
  return rest.empty() ? kNone : text.size() - rest.size();
}

std::vector<absl::string_view> splitAtSpace(absl::string_view text, int64_t most) {
  std::vector<absl::string_view> parts;
  while (true) {
    text = stripLeft(text, isSpace);
    if (text.empty())
      return parts;
    const size_t end = most == 0 ? kNone : findSpace(text, true);
    parts.push_back(text.substr(0, end));
    if (end == kNone)
      return parts;
    text.remove_prefix(end);
    --most;
  }
}

std::vector<absl::string_view> splitAtSpaceFromRight(absl::string_view text, int64_t most) {
  std::vector<absl::string_view> parts;
  while (true) {
    text = stripRight(text, isSpace);
    if (text.empty())
      break;
    const absl::string_view head =
        most == 0 ? absl::string_view()
                  : stripRight(text, [](char32_t code) { return !isSpace(code); });
    parts.push_back(text.substr(head.size()));
    text = head;
    --most;
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

} // namespace

absl::string_view strip(Heap &heap, absl::string_view text, std::optional<absl::string_view> set,
                        bool left, bool right) {
  std::vector<absl::string_view> dropped;
  if (set)
    dropped = characters(*set);
  heap.work(text.size() * (1 + dropped.size() / 16));
  std::vector<char32_t> codes;
  for (absl::string_view character : dropped)
    codes.push_back(codePoint(character));
  const auto drop = [&](char32_t code) {
    return set ? std::find(codes.begin(), codes.end(), code) != codes.end() : isSpace(code);
  };
  if (left)
    text = stripLeft(text, drop);
  if (right)
    text = stripRight(text, drop);
  return text;
}

std::vector<absl::string_view> split(Heap &heap, absl::string_view text,
                                     std::optional<absl::string_view> separator, int64_t most,
                                     bool fromRight) {
  heap.work(text.size());
  if (!separator)
    return fromRight ? splitAtSpaceFromRight(text, most) : splitAtSpace(text, most);
  if (separator->empty())
    fail("the separator of 'split' is empty");
  std::vector<absl::string_view> parts;
  for (; most != 0; --most) {
    heap.charge(sizeof(Value));
    const size_t at = fromRight ? text.rfind(*separator) : text.find(*separator);
    if (at == kNone)
      break;
    const absl::string_view before = text.substr(0, at),
                            after = text.substr(at + separator->size());
    parts.push_back(fromRight ? after : before);
    text = fromRight ? before : after;
  }
  parts.push_back(text);
  if (fromRight)
    std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<absl::string_view> splitLines(absl::string_view text, bool keepEnds) {
  std::vector<absl::string_view> lines;
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    const absl::string_view character = characterAt(text, at);
    const char32_t code = codePoint(character);
    size_t end = at + character.size();
    if ((code >= 0x0A && code <= 0x0D) || (code >= 0x1C && code <= 0x1E) || code == 0x85 ||
        code == 0x2028 || code == 0x2029) {
      if (code == '\r' && end < text.size() && text[end] == '\n')
        ++end;
      lines.push_back(text.substr(begin, (keepEnds ? end : at) - begin));
      begin = end;
    }
    at = end;
  }
  if (begin < text.size())
    lines.push_back(text.substr(begin));
  return lines;
}

std::string replaced(Heap &heap, absl::string_view text, absl::string_view from,
                     absl::string_view to, int64_t most) {
  std::string result;
  const auto insert = [&] {
    heap.charge(to.size());
    absl::StrAppend(&result, to);
  };
  heap.charge(text.size());
  heap.work(text.size());
  if (from.empty()) { // between all characters
    for (; !text.empty() && most != 0; --most) {
      insert();
      const absl::string_view character = characterAt(text, 0);
      absl::StrAppend(&result, character);
      text.remove_prefix(character.size());
    }
    if (most != 0)
      insert();
    return absl::StrCat(result, text);
  }
  for (; most != 0; --most) {
    const size_t at = text.find(from);
    if (at == kNone)
      break;
    absl::StrAppend(&result, text.substr(0, at));
    insert();
    text.remove_prefix(at + from.size());
  }
  return absl::StrCat(result, text);
}

std::string uppercase(absl::string_view text) { return mapCharacters(text, toUpper); }
std::string lowercase(absl::string_view text) { return mapCharacters(text, toLower); }

std::string capitalized(absl::string_view text) {
  if (text.empty())
    return "";
  const absl::string_view first = characterAt(text, 0);
  return uppercase(first) + lowercase(text.substr(first.size()));
}

} // namespace llmc::chat
