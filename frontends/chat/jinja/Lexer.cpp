#include "frontends/chat/jinja/Lexer.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "frontends/chat/jinja/StringLiteral.h"
#include "frontends/chat/jinja/TemplateError.h"
#include "frontends/chat/jinja/Unicode.h"
#include <algorithm>

namespace llmc::chat {
namespace {

constexpr size_t kNone = absl::string_view::npos;

// "\r\n" and "\r" are "\n", and a newline at the very end does not count.
std::string normalized(absl::string_view source) {
  std::string text;
  text.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r')
      text += source[i];
    else if (i + 1 == source.size() || source[i + 1] != '\n')
      text += '\n';
  }
  if (!text.empty() && text.back() == '\n')
    text.pop_back();
  return text;
}

bool isNameStart(char c) { return absl::ascii_isalpha(c) || c == '_' || (c & 0x80); }
bool isNamePart(char c) { return isNameStart(c) || absl::ascii_isdigit(c); }

class Lexer {
public:
  explicit Lexer(absl::string_view source) : text_(normalized(source)) {}
  std::vector<Token> run();

private:
  absl::string_view rest() const { return absl::string_view(text_).substr(at_); }
  bool starts(absl::string_view what) const { return absl::StartsWith(rest(), what); }
  void advance(size_t count);
  void add(Token::Kind kind, std::string text = {}) {
    tokens_.push_back({kind, line_, std::move(text)});
  }
  void skipSpace();
  void skipEnd(absl::string_view end, bool trimNewline);
  bool atEnd(absl::string_view end, bool block) const;
  void addText(size_t begin, size_t end, char sign, bool block);
  void lexTag();
  void lexComment();
  bool lexRaw();
  void lexInside(absl::string_view end, bool block);
  void lexToken();
  void lexNumber();
  void lexString();
  void lexOperator();
  size_t digitsAt(size_t at) const;

  const std::string text_;
  size_t at_ = 0;
  int line_ = 1;
  bool lineStart_ = true; // whether what was read last ended with a newline
  std::string open_;      // brackets inside of a tag
  std::vector<Token> tokens_;
};

void Lexer::advance(size_t count) {
  line_ += std::count(text_.begin() + at_, text_.begin() + at_ + count, '\n');
  at_ += count;
  lineStart_ = at_ > 0 && text_[at_ - 1] == '\n';
}

void Lexer::skipSpace() { advance(rest().size() - stripLeft(rest(), isSpace).size()); }

bool Lexer::atEnd(absl::string_view end, bool block) const {
  return starts(end) || (starts("-") && absl::StartsWith(rest().substr(1), end)) ||
         (block && starts("+") && absl::StartsWith(rest().substr(1), end));
}

// At the end of a tag, which may have a sign in front.
void Lexer::skipEnd(absl::string_view end, bool trimNewline) {
  const char sign = starts(end) ? 0 : text_[at_];
  advance(end.size() + (sign ? 1 : 0));
  if (sign == '-')
    skipSpace();
  else if (!sign && trimNewline && starts("\n"))
    advance(1);
}

// The text in front of a tag with `sign`.
void Lexer::addText(size_t begin, size_t end, char sign, bool block) {
  absl::string_view text = absl::string_view(text_).substr(begin, end - begin);
  if (sign == '-') {
    text = stripRight(text, isSpace);
  } else if (sign != '+' && block) {
    const size_t newline = text.rfind('\n');
    const size_t start = newline == kNone ? 0 : newline + 1;
    if ((start > 0 || lineStart_) && stripLeft(text.substr(start), isSpace).empty())
      text = text.substr(0, start);
  }
  if (!text.empty())
    add(Token::Kind::Text, std::string(text));
}

std::vector<Token> Lexer::run() {
  while (at_ < text_.size()) {
    size_t tag = at_;
    do {
      tag = text_.find('{', tag);
      if (tag == kNone || (tag + 1 < text_.size() && absl::StrContains("{%#", text_[tag + 1])))
        break;
      ++tag;
    } while (true);
    if (tag == kNone) {
      add(Token::Kind::Text, std::string(rest()));
      advance(rest().size());
      break;
    }
    const char after = tag + 2 < text_.size() ? text_[tag + 2] : 0;
    const char sign = after == '-' || after == '+' ? after : 0;
    addText(at_, tag, sign, text_[tag + 1] != '{');
    advance(tag - at_);
    lexTag();
  }
  add(Token::Kind::End);
  return std::move(tokens_);
}

void Lexer::lexTag() {
  const char kind = text_[at_ + 1];
  if (kind == '%' && lexRaw())
    return;
  const size_t after = at_ + 2;
  advance(after < text_.size() && absl::StrContains("+-", text_[after]) ? 3 : 2);
  if (kind == '#')
    return lexComment();
  const bool block = kind == '%';
  add(block ? Token::Kind::BlockBegin : Token::Kind::VariableBegin);
  lexInside(block ? "%}" : "}}", block);
}

void Lexer::lexComment() {
  const size_t end = text_.find("#}", at_);
  if (end == kNone)
    failAt(line_, "a comment has no end, '#}'");
  const bool sign = end > at_ && absl::StrContains("+-", text_[end - 1]);
  advance(end - at_ - (sign ? 1 : 0));
  skipEnd("#}", /*trimNewline=*/true);
}

// {% raw %}...{% endraw %}, if that is what comes.
bool Lexer::lexRaw() {
  // The offset behind "{% NAME", or npos.
  const auto behindName = [&](size_t at, absl::string_view name) {
    at += 2;
    if (at < text_.size() && absl::StrContains("+-", text_[at]))
      ++at;
    absl::string_view text = stripLeft(absl::string_view(text_).substr(at), isSpace);
    if (!absl::StartsWith(text, name))
      return kNone;
    text = stripLeft(text.substr(name.size()), isSpace);
    return text_.size() - text.size();
  };
  const size_t begin = behindName(at_, "raw");
  if (begin == kNone)
    return false;
  const absl::string_view tail = absl::string_view(text_).substr(begin);
  if (!absl::StartsWith(tail, "%}") && !absl::StartsWith(tail, "-%}"))
    return false;
  advance(begin - at_);
  skipEnd("%}", /*trimNewline=*/false);
  for (size_t tag = text_.find("{%", at_); tag != kNone; tag = text_.find("{%", tag + 2)) {
    const size_t end = behindName(tag, "endraw");
    if (end == kNone)
      continue;
    const absl::string_view close = absl::string_view(text_).substr(end);
    if (!absl::StartsWith(close, "%}") && !absl::StartsWith(close, "-%}") &&
        !absl::StartsWith(close, "+%}"))
      continue;
    const char after = text_[tag + 2];
    addText(at_, tag, after == '-' || after == '+' ? after : 0, true);
    advance(end - at_);
    skipEnd("%}", /*trimNewline=*/true);
    return true;
  }
  failAt(line_, "'raw' has no 'endraw'");
}

void Lexer::lexInside(absl::string_view end, bool block) {
  const int line = line_;
  while (true) {
    skipSpace();
    if (at_ == text_.size())
      failAt(line, "a tag has no end, '", end, "'");
    if (open_.empty() && atEnd(end, block))
      break;
    lexToken();
  }
  add(block ? Token::Kind::BlockEnd : Token::Kind::VariableEnd);
  skipEnd(end, /*trimNewline=*/block);
}

void Lexer::lexToken() {
  const char c = text_[at_];
  if (absl::ascii_isdigit(c))
    return lexNumber();
  if (c == '\'' || c == '"')
    return lexString();
  if (!isNameStart(c))
    return lexOperator();
  size_t end = at_;
  while (end < text_.size() && isNamePart(text_[end]))
    ++end;
  add(Token::Kind::Name, text_.substr(at_, end - at_));
  advance(end - at_);
}

// The end of digits that '_' may stand between; `at` if there are none.
size_t Lexer::digitsAt(size_t at) const {
  size_t end = at;
  while (end < text_.size() && (absl::ascii_isdigit(text_[end]) ||
                                (end > at && text_[end] == '_' && end + 1 < text_.size() &&
                                 absl::ascii_isdigit(text_[end + 1]))))
    ++end;
  return end;
}

void Lexer::lexNumber() {
  const auto charAt = [&](size_t at) { return at < text_.size() ? text_[at] : '\0'; };
  size_t end = digitsAt(at_);
  bool isFloat = false;
  // "x.0.1" is two subscripts.
  if (at_ == 0 || text_[at_ - 1] != '.') {
    if (charAt(end) == '.' && digitsAt(end + 1) > end + 1) {
      end = digitsAt(end + 1);
      isFloat = true;
    }
    if (absl::ascii_tolower(charAt(end)) == 'e') {
      const size_t digits =
          end + (absl::StrContains("+-", charAt(end + 1)) && charAt(end + 1) ? 2 : 1);
      if (digitsAt(digits) > digits) {
        end = digitsAt(digits);
        isFloat = true;
      }
    }
  }
  std::string digits;
  for (size_t i = at_; i < end; ++i)
    if (text_[i] != '_')
      digits += text_[i];
  add(isFloat ? Token::Kind::Float : Token::Kind::Integer, std::move(digits));
  advance(end - at_);
}

void Lexer::lexString() {
  const char quote = text_[at_];
  size_t end = at_ + 1;
  while (end < text_.size() && text_[end] != quote)
    end += text_[end] == '\\' ? 2 : 1;
  if (end >= text_.size())
    failAt(line_, "a string has no end");
  add(Token::Kind::String,
      unescapeLiteral(absl::string_view(text_).substr(at_ + 1, end - at_ - 1), line_));
  advance(end + 1 - at_);
}

void Lexer::lexOperator() {
  static constexpr absl::string_view kOperators[] = {
      "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
      "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};
  for (absl::string_view known : kOperators) {
    if (!starts(known))
      continue;
    if (absl::StrContains("([{", known)) {
      open_ += known == "(" ? ')' : known == "[" ? ']' : '}';
    } else if (absl::StrContains(")]}", known)) {
      if (open_.empty())
        failAt(line_, "'", known, "' closes nothing");
      if (open_.back() != known[0])
        failAt(line_, "'", known, "' stands where '", open_.substr(open_.size() - 1),
               "' is expected");
      open_.pop_back();
    }
    add(Token::Kind::Operator, std::string(known));
    return advance(known.size());
  }
  failAt(line_, "'", characterAt(text_, at_), "' has no meaning here");
}

} // namespace

std::vector<Token> tokenize(absl::string_view source) { return Lexer(source).run(); }

} // namespace llmc::chat
