#define PCRE2_CODE_UNIT_WIDTH 8
#include "frontends/tokenizer/PreTokenizer.h"
#include "absl/strings/str_cat.h"
#include "frontends/tokenizer/DigitGroups.h"
#include "frontends/tokenizer/UnicodePatterns.h"
#include "frontends/tokenizer/Utf8.h"
#include <pcre2.h>

namespace llmc::tokenizer {
namespace {

// A group that repeats once per character keeps some bytes of stack for each; only what is touched
// is ever committed. When even this is not enough the interpreter, which uses the heap, steps in.
constexpr size_t jitStackStart = 32 * 1024;
constexpr size_t jitStackLimit = size_t{256} << 20;

std::string pcreMessage(int code) {
  char buffer[256];
  if (pcre2_get_error_message(code, reinterpret_cast<PCRE2_UCHAR *>(buffer), sizeof(buffer)) < 0)
    return absl::StrCat("PCRE2 error ", code);
  return buffer;
}

} // namespace

struct PreTokenizer::Regex {
  struct Free {
    void operator()(pcre2_code *code) const { pcre2_code_free(code); }
  };
  std::unique_ptr<pcre2_code, Free> code;
  std::string pattern;
  bool jit = false;

  static absl::StatusOr<Regex> compile(absl::string_view source) {
    Regex regex;
    regex.pattern = expandUnicodeClasses(source);
    int error = 0;
    PCRE2_SIZE offset = 0;
    // DOLLAR_ENDONLY: in these dialects `$` does not match in front of a last newline.
    uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_DOLLAR_ENDONLY | PCRE2_NO_AUTO_CAPTURE;
    regex.code.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(regex.pattern.data()),
                                   regex.pattern.size(), options, &error, &offset, nullptr));
    if (!regex.code)
      return absl::InternalError(absl::StrCat("pre-tokenizer expression /", regex.pattern,
                                              "/ at offset ", offset, ": ", pcreMessage(error)));
    regex.jit = pcre2_jit_compile(regex.code.get(), PCRE2_JIT_COMPLETE) == 0;
    return regex;
  }
};

struct PreTokenizer::Pass {
  PreTokenizerPass::Kind kind;
  Regex regex; // of a digit pass: \p{N}
};

// What one call of split() needs; not shared between threads.
class PreTokenizer::Scratch {
public:
  Scratch()
      : data_(pcre2_match_data_create(1, nullptr)), context_(pcre2_match_context_create(nullptr)),
        stack_(pcre2_jit_stack_create(jitStackStart, jitStackLimit, nullptr)) {
    if (!context_)
      return;
    // The defaults are guards against runaway backtracking, which none of the expressions has, and
    // would reject a word of some megabytes.
    pcre2_set_match_limit(context_, UINT32_MAX);
    pcre2_set_depth_limit(context_, UINT32_MAX);
    if (stack_)
      pcre2_jit_stack_assign(context_, nullptr, stack_);
  }
  ~Scratch() {
    pcre2_jit_stack_free(stack_);
    pcre2_match_context_free(context_);
    pcre2_match_data_free(data_);
  }
  Scratch(const Scratch &) = delete;
  Scratch &operator=(const Scratch &) = delete;

  bool valid() const { return data_ && context_; }

  // The next match in `text` at or after `from`; the result is PCRE2's.
  int match(const Regex &regex, absl::string_view text, size_t from) {
    auto subject = reinterpret_cast<PCRE2_SPTR>(text.data());
    // The text has been checked as a whole; checking it again here would be quadratic.
    uint32_t options = PCRE2_NO_UTF_CHECK;
    if (regex.jit) {
      int result =
          pcre2_jit_match(regex.code.get(), subject, text.size(), from, options, data_, context_);
      if (result != PCRE2_ERROR_JIT_STACKLIMIT)
        return result;
      options |= PCRE2_NO_JIT;
    }
    return pcre2_match(regex.code.get(), subject, text.size(), from, options, data_, context_);
  }
  size_t matchBegin() const { return pcre2_get_ovector_pointer(data_)[0]; }
  size_t matchEnd() const { return pcre2_get_ovector_pointer(data_)[1]; }

private:
  pcre2_match_data *data_;
  pcre2_match_context *context_;
  pcre2_jit_stack *stack_;
};

PreTokenizer::PreTokenizer() = default;
PreTokenizer::~PreTokenizer() = default;

absl::StatusOr<std::unique_ptr<PreTokenizer>> PreTokenizer::create(const PreTokenizerSpec &spec) {
  std::unique_ptr<PreTokenizer> result(new PreTokenizer);
  for (const PreTokenizerPass &pass : spec.passes) {
    bool isRegex = pass.kind == PreTokenizerPass::Kind::Regex;
    absl::StatusOr<Regex> regex = Regex::compile(isRegex ? pass.pattern : R"(\G\p{N})");
    if (!regex.ok())
      return regex.status();
    result->passes_.push_back({pass.kind, *std::move(regex)});
  }
  return result;
}

absl::Status PreTokenizer::splitByRegex(const Regex &regex, Scratch &scratch,
                                        absl::string_view text, const std::vector<uint32_t> &in,
                                        std::vector<uint32_t> &out) const {
  uint32_t begin = 0;
  for (uint32_t end : in) {
    absl::string_view piece = text.substr(begin, end - begin);
    size_t at = 0;
    while (at < piece.size()) {
      int result = scratch.match(regex, piece, at);
      if (result == PCRE2_ERROR_NOMATCH)
        break;
      if (result < 0)
        return absl::ResourceExhaustedError(absl::StrCat("pre-tokenizer expression /",
                                                         regex.pattern, "/ at byte ", begin + at,
                                                         " of the text: ", pcreMessage(result)));
      if (scratch.matchBegin() > at)
        out.push_back(begin + scratch.matchBegin());
      if (scratch.matchEnd() == scratch.matchBegin())
        return absl::InternalError(
            absl::StrCat("pre-tokenizer expression /", regex.pattern, "/ matches nothing"));
      at = scratch.matchEnd();
      out.push_back(begin + at);
    }
    if (at < piece.size())
      out.push_back(end);
    begin = end;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<uint32_t>> PreTokenizer::split(absl::string_view text) const {
  std::vector<uint32_t> ends, next;
  if (text.empty())
    return ends;
  Scratch scratch;
  if (!scratch.valid())
    return absl::ResourceExhaustedError("out of memory in the pre-tokenizer");
  ends.push_back(text.size());
  std::string older;
  if (replaceNewerCharacters(text, older))
    text = older;
  for (const Pass &pass : passes_) {
    next.clear();
    next.reserve(ends.size());
    if (pass.kind == PreTokenizerPass::Kind::Regex) {
      absl::Status status = splitByRegex(pass.regex, scratch, text, ends, next);
      if (!status.ok())
        return status;
    } else {
      auto numberEnd = [&](uint32_t at) -> uint32_t {
        return scratch.match(pass.regex, text, at) > 0 ? scratch.matchEnd() : 0;
      };
      uint32_t begin = 0;
      for (uint32_t end : ends) {
        splitDigitGroups(pass.kind, text, begin, end, numberEnd, next);
        begin = end;
      }
    }
    ends.swap(next);
  }
  return ends;
}

} // namespace llmc::tokenizer
