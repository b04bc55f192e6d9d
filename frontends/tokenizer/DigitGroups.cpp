#include "frontends/tokenizer/DigitGroups.h"
#include "absl/strings/ascii.h"
#include "frontends/tokenizer/Utf8.h"

namespace llmc::tokenizer {

void splitDigitGroups(PreTokenizerPass::Kind kind, absl::string_view text, uint32_t begin,
                      uint32_t end, absl::FunctionRef<uint32_t(uint32_t)> numberEnd,
                      std::vector<uint32_t> &out) {
  using Kind = PreTokenizerPass::Kind;
  uint32_t last = begin;
  auto cut = [&](uint32_t at) {
    if (at > last)
      out.push_back(last = at);
  };
  auto digitEnd = [&](uint32_t at) -> uint32_t {
    if (kind == Kind::TriplesCutAll)
      return numberEnd(at);
    return absl::ascii_isdigit(text[at]) ? at + 1 : 0;
  };

  std::vector<uint32_t> digits; // the ends of the run's digits
  for (uint32_t at = begin; at < end;) {
    uint32_t runBegin = at;
    digits.clear();
    for (uint32_t next; at < end && (next = digitEnd(at)) != 0; at = next)
      digits.push_back(next);
    if (digits.empty()) {
      at += static_cast<uint32_t>(utf8Length(text[at]));
      continue;
    }
    size_t remainder = digits.size() % 3;
    if (kind == Kind::TriplesCutWhole && remainder == 0)
      cut(runBegin);
    for (size_t i = 0; i < digits.size(); ++i) {
      bool groupEnds = (i + 1) % 3 == remainder % 3;
      bool runEnds = i + 1 == digits.size();
      // A cut in front of each whole group is a cut behind each group but the last.
      if (groupEnds && !(runEnds && kind == Kind::TriplesCutWhole))
        cut(digits[i]);
    }
  }
  cut(end);
}

} // namespace llmc::tokenizer
