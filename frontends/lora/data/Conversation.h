// A conversation as the text that a chat template makes of it, and what of that is learned.
#ifndef LLMC_FRONTENDS_LORA_DATA_CONVERSATION_H
#define LLMC_FRONTENDS_LORA_DATA_CONVERSATION_H

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "frontends/chat/ChatTemplate.h"
#include "frontends/lora/data/Segments.h"
#include <ctime>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace llmc::lora {

enum class Role { System, User, Assistant };

struct Message {
  Role role;
  std::string text;
  bool learned = true; // of the assistant's
};

// Messages as templates take them.
nlohmann::ordered_json toJson(std::span<const Message> messages);

class ConversationFormat {
public:
  // `choice` is the key chat_template: "auto" for the model's own template (`modelTemplate`; where
  // it is empty, the built-in one whose marker is in the vocabulary, or else alpaca), the name of a
  // built-in template, or a file. What is wrong with the template is told when it is needed.
  // `tokenizer` must live longer. `now` is the time that templates may write; none: the clock's.
  ConversationFormat(absl::string_view choice, absl::string_view modelTemplate,
                     const Tokenizer &tokenizer, std::optional<std::time_t> now = std::nullopt);

  bool isAlpaca() const { return template_.ok() && template_->name() == "alpaca"; }

  // The messages' text, without BOS in front where the tokenizer adds it. With
  // `maskPrompt` what the assistant says is learned, from where it is asked to speak up to the
  // token that ends its turn; else everything. Where a template writes earlier turns in another way
  // than the last one, an answer begins with the message's text. InvalidArgument when a template
  // refuses the messages, or leaves out what an assistant says.
  absl::StatusOr<std::vector<Segment>> render(std::span<const Message> messages,
                                              bool maskPrompt) const;

  // The same up to where the assistant begins to speak; nothing is learned.
  absl::StatusOr<std::vector<Segment>> renderPrompt(std::span<const Message> messages) const;

private:
  absl::StatusOr<std::string> text(std::span<const Message> messages, bool asks) const;
  // Where the last of `turns` ends in the text of all, when what it says ends at `at`.
  absl::StatusOr<size_t> endOfTurn(std::span<const Message> turns, absl::string_view whole,
                                   size_t at) const;

  const Tokenizer &tokenizer_;
  absl::StatusOr<chat::ChatTemplate> template_;
  std::optional<std::time_t> now_;
  std::string bos_; // that the tokenizer adds; may be empty
};

} // namespace llmc::lora

#endif
