// The messages of a conversation, as files and templates take them.
#ifndef LLMC_TOOLS_LLMC_CONVERSATION_H
#define LLMC_TOOLS_LLMC_CONVERSATION_H

#include "frontends/chat/ChatTemplate.h"
#include <string>

namespace llmc::cli {

class Conversation {
public:
  // An empty `system` is none.
  explicit Conversation(std::string system = "");

  void add(absl::string_view role, absl::string_view text);
  // Takes the messages from the last of the user's on away, and gives its text; empty when there
  // is none.
  std::string takeLastQuestion();
  // Takes back what add() did last.
  void dropLast() { messages_.erase(messages_.size() - 1); }
  // Replaces the system's message; the others stay.
  void setSystem(const std::string &system);
  // All but the system's message.
  void clear();

  bool hasAnswers() const;
  size_t size() const { return messages_.size(); }
  chat::ChatRequest request() const { return {.messages = messages_}; }

  // {"messages": [...]}: what `messages` data of training looks like, too. Nothing is changed when
  // a file is refused.
  absl::Status save(const std::string &path) const;
  absl::Status load(const std::string &path);

private:
  nlohmann::ordered_json messages_ = nlohmann::ordered_json::array();
};

} // namespace llmc::cli

#endif
