// How a conversation is written as text.
#ifndef LLMC_FRONTENDS_LORA_DATA_CHATFORMAT_H
#define LLMC_FRONTENDS_LORA_DATA_CHATFORMAT_H

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "frontends/lora/data/Segments.h"
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

// What stands around a message of each role. "{eos}" is the end-of-text token.
struct ChatFormat {
  const char *name;
  const char *marker; // a text that a model's own template has when it is this format
  const char *systemBefore, *systemAfter;
  const char *userBefore, *userAfter;
  const char *assistantBefore, *assistantEnd; // the end is learned
  const char *assistantAfter;                 // and this is not
  bool systemInUser;                          // the system's message goes into the user's first
};

std::span<const ChatFormat> chatFormats();

// The format called `name`; for "auto" the one whose marker `modelTemplate` has, "alpaca" when that
// is empty. InvalidArgument for a template that is not known.
absl::StatusOr<const ChatFormat *> findChatFormat(absl::string_view name,
                                                  absl::string_view modelTemplate);

// With `maskPrompt` what the assistant says is learned, else everything.
std::vector<Segment> renderChat(const ChatFormat &format, std::span<const Message> messages,
                                bool maskPrompt);

// The same up to where the assistant begins to speak.
std::vector<Segment> renderChatPrompt(const ChatFormat &format, std::span<const Message> messages);

} // namespace llmc::lora

#endif
