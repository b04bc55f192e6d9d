#include "compiler/Artifact/ProgramText.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include <algorithm>
#include <vector>

namespace llmc {
namespace {

constexpr size_t kMostBytes = 16 << 20;
constexpr size_t kMostDepth = 32;

char closingOf(char open) {
  switch (open) {
  case '(':
    return ')';
  case '[':
    return ']';
  case '{':
    return '}';
  case '<':
    return '>';
  default:
    return 0;
  }
}

class Scanner {
public:
  explicit Scanner(absl::string_view text) : text_(text) {}

  absl::Status scan() {
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '"') {
        skipString();
      } else if (startsWith("//")) {
        at_ = std::min(text_.find('\n', at_), text_.size()) - 1;
      } else if (startsWith("->")) {
        ++at_;
      } else if (startsWith("affine")) {
        // Signs nest without brackets in affine expressions, which no program of a model has.
        return bad("has an affine expression");
      } else if (const char closing = closingOf(c)) {
        if (open_.size() == kMostDepth)
          return bad("is nested too deep");
        open_.push_back(closing);
      } else if (!open_.empty() && open_.back() == c) {
        open_.pop_back();
      }
    }
    return absl::OkStatus();
  }

private:
  bool startsWith(absl::string_view token) const {
    return absl::StartsWith(text_.substr(at_), token);
  }
  void skipString() {
    for (++at_; at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\n'; ++at_)
      if (text_[at_] == '\\')
        ++at_;
  }
  absl::Status bad(absl::string_view what) const {
    const auto line = 1 + std::count(text_.begin(), text_.begin() + at_, '\n');
    return absl::InvalidArgumentError(absl::StrCat("line ", line, ": the program ", what));
  }

  absl::string_view text_;
  size_t at_ = 0;
  std::vector<char> open_; // what closes the brackets that are open
};

} // namespace

absl::Status checkProgramText(absl::string_view text) {
  if (text.size() > kMostBytes)
    return absl::InvalidArgumentError(
        absl::StrCat("the program has ", text.size(), " bytes, more than any model's"));
  return Scanner(text).scan();
}

} // namespace llmc
