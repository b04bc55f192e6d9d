// Options of commands that talk with a model by its chat template.
#ifndef LLMC_TOOLS_LLMC_CHATOPTIONS_H
#define LLMC_TOOLS_LLMC_CHATOPTIONS_H

#include "frontends/chat/ChatTemplate.h"
#include "tools/llmc/Engine.h"
#include <CLI/CLI.hpp>
#include <string>

namespace llmc::cli {

struct ChatOptions {
  bool chat = false;
  std::string system;
  std::string chatTemplate; // a file or a name; empty: the model's own
};

// --system and --chat-template; with `flag` also --chat, which these then need.
void addChatOptions(CLI::App &command, ChatOptions &options, bool flag);

// The template that the options ask for. Says so when it is one that the model's file does not
// name.
absl::StatusOr<chat::ChatTemplate> openChatTemplate(const gguf::GgufFile &file,
                                                    const Tokenizer &tokenizer,
                                                    const ChatOptions &options);

} // namespace llmc::cli

#endif
