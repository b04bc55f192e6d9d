#include "tools/llmc/ChatSession.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "frontends/chat/ChatTemplate.h"
#include <algorithm>

namespace llmc::cli {

// An answer's text need not give the tokens that the model chose. So where the prompt goes on from
// what is in the cache with a special token, which no merge crosses, only the rest is encoded.
absl::StatusOr<std::vector<int32_t>> ChatSession::tokensOf(const std::string &prompt) const {
  if (!text_.empty() && prompt.size() > text_.size() && absl::StartsWith(prompt, text_)) {
    const std::string rest = prompt.substr(text_.size());
    absl::StatusOr<std::vector<int32_t>> more =
        tokenizer_.encode(rest, {.addSpecial = false, .parseSpecial = true});
    const bool special = more.ok() && !more->empty() && tokenizer_.piece(more->front()).empty() &&
                         absl::StartsWith(rest, tokenizer_.piece(more->front(), true));
    if (special) {
      std::vector<int32_t> tokens = tokens_;
      tokens.insert(tokens.end(), more->begin(), more->end());
      return tokens;
    }
  }
  return chat::encodeChat(tokenizer_, prompt);
}

absl::StatusOr<Generation> ChatSession::answer(const std::string &prompt,
                                               const GenerationLimits &limits,
                                               absl::FunctionRef<void(absl::string_view)> emit) {
  absl::StatusOr<std::vector<int32_t>> tokens = tokensOf(prompt);
  if (!tokens.ok())
    return atPlace(tokens.status(), "the conversation");
  if (tokens->empty())
    return absl::InvalidArgumentError(
        "the chat template makes no text of the conversation; choose another with --chat-template");
  if (int64_t(tokens->size()) > session_.context())
    return absl::OutOfRangeError(absl::StrCat(
        "the conversation has ", tokens->size(), " tokens, the context holds ", session_.context(),
        "; /clear begins a new one, and a larger -c makes longer ones possible"));
  const auto [cached, unused] =
      std::mismatch(tokens_.begin(), tokens_.end(), tokens->begin(), tokens->end());
  // The last token is read again if need be: logits are those of the step that came last.
  const size_t kept = std::min<size_t>(cached - tokens_.begin(), tokens->size() - 1);
  session_.rewind(kept);
  tokens_.resize(kept);
  text_.clear();

  Generation result;
  result.cachedTokens = kept;
  absl::Status status = readPrompt(engine_, session_, sampler_,
                                   std::span<const int32_t>(*tokens).subspan(kept), result);
  if (status.ok())
    status = generate(engine_, tokenizer_, session_, sampler_, limits, emit, result);
  tokens->insert(tokens->end(), result.tokens.begin(), result.tokens.end());
  tokens->resize(std::min<size_t>(tokens->size(), session_.position()));
  tokens_ = *std::move(tokens);
  if (!status.ok())
    return status;
  // After an answer that was cut off the newest token is not in the cache.
  if (absl::string_view(result.stop) == "end") {
    text_ = prompt;
    for (int32_t token : result.tokens)
      text_ += tokenizer_.piece(token, /*renderSpecial=*/true);
  }
  return result;
}

} // namespace llmc::cli
