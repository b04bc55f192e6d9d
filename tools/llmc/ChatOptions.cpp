#include "tools/llmc/ChatOptions.h"
#include "absl/strings/str_cat.h"
#include "frontends/chat/BuiltinTemplates.h"
#include "tools/llmc/Console.h"

namespace llmc::cli {
namespace {

constexpr char kChatGroup[] = "Conversation";

} // namespace

void addChatOptions(CLI::App &command, ChatOptions &options, bool flag) {
  CLI::Option *chat = nullptr;
  if (flag)
    chat = command
               .add_flag("--chat", options.chat,
                         "The text is a user's message: it is put into the model's chat template")
               ->group(kChatGroup);
  CLI::Option *system =
      command
          .add_option("--system", options.system, "The system's message, in front of all others")
          ->type_name("TEXT")
          ->group(kChatGroup);
  CLI::Option *chatTemplate =
      command
          .add_option(
              "--chat-template", options.chatTemplate,
              absl::StrCat("A Jinja template instead of the model's own: a file, or one of ",
                           chat::builtinTemplateNames()))
          ->type_name("FILE|NAME")
          ->group(kChatGroup);
  if (chat) {
    system->needs(chat);
    chatTemplate->needs(chat);
  }
}

absl::StatusOr<chat::ChatTemplate> openChatTemplate(const gguf::GgufFile &file,
                                                    const Tokenizer &tokenizer,
                                                    const ChatOptions &options) {
  absl::StatusOr<chat::ChatTemplate> result =
      chat::ChatTemplate::open(file, tokenizer, options.chatTemplate);
  if (result.ok() && result->origin() == chat::ChatTemplate::Origin::Vocabulary)
    printNote(absl::StrCat(file.path(), " has no chat template; its vocabulary is that of '",
                           result->name(), "', which is used (--chat-template chooses another)"));
  return result;
}

} // namespace llmc::cli
