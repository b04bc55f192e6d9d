#include "frontends/lora/data/Conversation.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "frontends/gguf/file/GgufText.h"
#include <algorithm>

namespace llmc::lora {
namespace {

constexpr absl::string_view kAuto = "auto";

const char *roleName(Role role) {
  return role == Role::System ? "system" : role == Role::User ? "user" : "assistant";
}

// The end of the first `size` bytes of a text without the white space that they end in.
size_t endWithoutSpace(absl::string_view text, size_t size) {
  return absl::StripTrailingAsciiWhitespace(text.substr(0, size)).size();
}

// Where an answer may begin, at the earliest: behind the question, which may have its words.
size_t behindQuestion(std::span<const Message> before, absl::string_view whole, size_t from) {
  if (before.empty() || before.back().role != Role::User)
    return from;
  const absl::string_view asked = absl::StripAsciiWhitespace(before.back().text);
  const size_t found = whole.find(asked, from);
  return found == whole.npos ? from : found + asked.size();
}

absl::StatusOr<chat::ChatTemplate> openTemplate(absl::string_view choice,
                                                absl::string_view modelTemplate,
                                                const Tokenizer &tokenizer) {
  const auto open = [&](const std::string &name) {
    return chat::ChatTemplate::open(modelTemplate, "the model", tokenizer, name);
  };
  absl::StatusOr<chat::ChatTemplate> found = open(choice == kAuto ? "" : std::string(choice));
  if (absl::IsNotFound(found.status()) && choice == kAuto)
    return open("alpaca");
  return found;
}

} // namespace

nlohmann::ordered_json toJson(std::span<const Message> messages) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Message &message : messages)
    list.push_back({{"role", roleName(message.role)}, {"content", message.text}});
  return list;
}

ConversationFormat::ConversationFormat(absl::string_view choice, absl::string_view modelTemplate,
                                       const Tokenizer &tokenizer, std::optional<std::time_t> now)
    : tokenizer_(tokenizer), template_(openTemplate(choice, modelTemplate, tokenizer)), now_(now) {
  if (tokenizer.addsBos() && tokenizer.bosId())
    bos_ = tokenizer.piece(*tokenizer.bosId(), /*renderSpecial=*/true);
}

absl::StatusOr<std::string> ConversationFormat::text(std::span<const Message> messages,
                                                     bool asks) const {
  if (!template_.ok())
    return absl::Status(template_.status().code(),
                        absl::StrCat("chat_template: ", template_.status().message()));
  absl::StatusOr<std::string> text =
      template_->render({.messages = toJson(messages), .addGenerationPrompt = asks}, {.now = now_});
  if (!text.ok())
    return absl::Status(text.status().code(),
                        absl::StrCat("chat_template: ", text.status().message()));
  return std::string(absl::StripPrefix(*text, bos_));
}

absl::StatusOr<size_t> ConversationFormat::endOfTurn(std::span<const Message> turns,
                                                     absl::string_view whole, size_t at) const {
  const std::string alone = text(turns, /*asks=*/false).value_or("");
  const auto [mine, theirs] = std::ranges::mismatch(alone, whole);
  const auto same = static_cast<size_t>(mine - alone.begin());
  // A template may end the whole text in another way, behind the white space that ends a turn.
  const size_t end = same == alone.size() ? same : alone.find_last_of(" \n", same);
  if (same >= at && end != alone.npos && end >= at)
    return std::max(at, endWithoutSpace(alone, end));
  // Written in another way when it is the last: its end is the token that ends a turn, perhaps
  // after white space.
  constexpr size_t kLongestMark = 64;
  size_t cut = std::min(whole.size(), at + kLongestMark);
  while (cut < whole.size() && (whole[cut] & 0xc0) == 0x80)
    ++cut; // not within a character
  absl::StatusOr<std::vector<int32_t>> tokens =
      tokenizer_.encode(whole.substr(at, cut - at), {.parseSpecial = true});
  if (!tokens.ok())
    return tokens.status();
  for (int32_t token : *tokens) {
    const std::string piece = tokenizer_.piece(token, /*renderSpecial=*/true);
    if (tokenizer_.isEndOfGeneration(token)) {
      const size_t found = whole.find(piece, at);
      return found == whole.npos ? at : found + piece.size();
    }
    if (!absl::StripAsciiWhitespace(piece).empty())
      break;
  }
  return at;
}

absl::StatusOr<std::vector<Segment>> ConversationFormat::render(std::span<const Message> messages,
                                                                bool maskPrompt) const {
  absl::StatusOr<std::string> rendered = text(messages, /*asks=*/false);
  if (!rendered.ok())
    return rendered.status();
  if (!maskPrompt)
    return std::vector<Segment>{{.text = *std::move(rendered)}};
  const absl::string_view whole = *rendered;
  std::vector<Segment> segments;
  size_t done = 0;
  const auto add = [&](size_t end, bool learned) {
    if (end > done)
      segments.push_back({.text = std::string(whole.substr(done, end - done)), .learned = learned});
    done = std::max(done, end);
  };
  for (size_t i = 0; i < messages.size(); ++i) {
    if (messages[i].role != Role::Assistant)
      continue;
    // A template need not be able to render a part of a conversation.
    const std::string before = text(messages.first(i), /*asks=*/true).value_or("");
    const bool isAsked = before.size() > done && absl::StartsWith(whole, before);
    const size_t from = isAsked ? before.size() : behindQuestion(messages.first(i), whole, done);
    // Many templates strip what is said.
    absl::string_view said = messages[i].text;
    if (whole.find(said, from) == whole.npos)
      said = absl::StripAsciiWhitespace(said);
    const size_t begin = whole.find(said, from);
    if (begin == whole.npos)
      return absl::InvalidArgumentError(absl::StrCat(
          "chat_template: the template changes what the assistant says, ", gguf::inQuotes(said, 40),
          "; choose one, for example chat_template: chatml"));
    absl::StatusOr<size_t> end = endOfTurn(messages.first(i + 1), whole, begin + said.size());
    if (!end.ok())
      return end.status();
    add(isAsked ? from : begin, false);
    add(*end, messages[i].learned);
  }
  add(whole.size(), false);
  return segments;
}

absl::StatusOr<std::vector<Segment>>
ConversationFormat::renderPrompt(std::span<const Message> messages) const {
  absl::StatusOr<std::string> prompt = text(messages, /*asks=*/true);
  if (!prompt.ok())
    return prompt.status();
  return std::vector<Segment>{{.text = *std::move(prompt), .learned = false}};
}

} // namespace llmc::lora
