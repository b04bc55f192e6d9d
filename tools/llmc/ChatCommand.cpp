#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "frontends/tokenizer/GgufTokenizer.h"
#include "runtime/core/Interrupt.h"
#include "tools/llmc/ChatInput.h"
#include "tools/llmc/ChatOptions.h"
#include "tools/llmc/ChatSession.h"
#include "tools/llmc/Commands.h"
#include "tools/llmc/Console.h"
#include "tools/llmc/Conversation.h"
#include <csignal>

namespace llmc::cli {
namespace {

constexpr absl::string_view kHelp =
    "/regen         answer the last message anew\n"
    "/clear         begin a new conversation; the system's message stays\n"
    "/system TEXT   set the system's message; without TEXT, take it away\n"
    "/save FILE     write the conversation as JSON\n"
    "/load FILE     go on with a conversation that was saved\n"
    "/help          this list\n"
    "/exit          end, as Ctrl-D does\n"
    "A line that ends with \\ goes on; \"\"\" begins and ends a text of several lines; // begins "
    "a\n"
    "message with a slash. Ctrl-C stops an answer; twice at the prompt, it ends the program.\n";

struct Options {
  ModelOptions model;
  ChatOptions chat;
  GenerationLimits limits;
  SamplerOptions sampler;
  int64_t context = 0;
  std::string loadPath;
  bool stats = false;
};

class Chat {
public:
  explicit Chat(const Options &options) : options_(options), conversation_(options.chat.system) {}
  absl::Status operator()();

private:
  absl::Status open();
  absl::Status talk();
  absl::Status ask(const std::string &text);
  absl::Status obey(absl::string_view line, bool &ends);
  void report(const Generation &result);

  const Options &options_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::unique_ptr<Session> session_;
  std::optional<Sampler> sampler_;
  std::optional<chat::ChatTemplate> template_;
  std::optional<ChatSession> state_;
  ChatInput input_;
  Conversation conversation_;
};

absl::Status Chat::open() {
  if (absl::Status status = options_.sampler.validation(); !status.ok())
    return usageError(status.message());
  absl::StatusOr<Sampler> sampler = Sampler::create(options_.sampler);
  if (!sampler.ok())
    return sampler.status();
  sampler_ = *std::move(sampler);
  if (!options_.loadPath.empty())
    if (absl::Status status = conversation_.load(options_.loadPath); !status.ok())
      return status;
  absl::StatusOr<std::unique_ptr<Engine>> engine =
      Engine::open(withContext(options_.model, options_.context));
  if (!engine.ok())
    return engine.status();
  engine_ = *std::move(engine);
  absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = loadTokenizer(engine_->file());
  if (!tokenizer.ok())
    return tokenizer.status();
  tokenizer_ = *std::move(tokenizer);
  absl::StatusOr<chat::ChatTemplate> chatTemplate =
      openChatTemplate(engine_->file(), *tokenizer_, options_.chat);
  if (!chatTemplate.ok())
    return chatTemplate.status();
  template_ = *std::move(chatTemplate);
  absl::StatusOr<std::unique_ptr<Session>> session = engine_->newSession(options_.context);
  if (!session.ok())
    return session.status();
  session_ = *std::move(session);
  state_.emplace(*engine_, *tokenizer_, *session_, *sampler_);
  return absl::OkStatus();
}

void Chat::report(const Generation &result) {
  if (absl::string_view(result.stop) == "context")
    printNote(absl::StrCat("the context of ", state_->context(),
                           " tokens is full; /clear begins a new conversation, and a larger -c "
                           "makes longer ones possible"));
  if (options_.stats)
    printNote(speedText(result, speedOf(*engine_, result)));
}

// Answers a message of the user's. When that fails the conversation is as before.
absl::Status Chat::ask(const std::string &text) {
  conversation_.add("user", text);
  absl::StatusOr<std::string> prompt = template_->render(conversation_.request());
  absl::StatusOr<Generation> result =
      prompt.ok() ? state_->answer(*prompt, options_.limits, printNow) : prompt.status();
  if (!result.ok()) {
    conversation_.dropLast();
    return result.status();
  }
  const bool stopped = absl::string_view(result->stop) == "interrupted";
  if (stopped && result->text.empty())
    conversation_.dropLast();
  else
    conversation_.add("assistant", result->text);
  if (result->text.empty() || result->text.back() != '\n')
    printNow("\n");
  report(*result);
  // Somebody who stops an answer goes on; other signals, and scripts, end.
  if (InterruptGuard::signal() == SIGINT && input_.interactive())
    InterruptGuard::clear();
  return absl::OkStatus();
}

absl::Status Chat::obey(absl::string_view line, bool &ends) {
  const absl::string_view name = line.substr(0, line.find_first_of(" \t"));
  const std::string argument(absl::StripAsciiWhitespace(line.substr(name.size())));
  const bool takesFile = name == "save" || name == "load";
  if (takesFile && argument.empty())
    return absl::InvalidArgumentError(absl::StrCat("/", name, " needs the name of a file"));
  if (!takesFile && name != "system" && !argument.empty())
    return absl::InvalidArgumentError(absl::StrCat("/", name, " takes nothing behind it"));
  if (name == "exit" || name == "quit")
    ends = true;
  else if (name == "help")
    printNow(kHelp);
  else if (name == "clear")
    conversation_.clear();
  else if (name == "system")
    conversation_.setSystem(argument);
  else if (name == "save")
    return conversation_.save(argument);
  else if (name == "load")
    return conversation_.load(argument);
  else if (name != "regen")
    return absl::InvalidArgumentError(
        absl::StrCat("there is no command /", name, "; /help lists them"));
  if (name != "regen")
    return absl::OkStatus();
  const Conversation before = conversation_;
  const std::string question = conversation_.takeLastQuestion();
  absl::Status status = question.empty()
                            ? absl::InvalidArgumentError("there is no message to answer yet")
                            : ask(question);
  if (!status.ok())
    conversation_ = before;
  return status;
}

absl::Status Chat::talk() {
  if (input_.interactive())
    printNow("/help lists commands; Ctrl-D ends.\n");
  bool ends = false, warned = false;
  while (!ends) {
    const ChatInput::Entry entry = input_.next();
    absl::Status status;
    switch (entry.event) {
    case ChatInput::Event::End:
      if (input_.interactive())
        printNow("\n");
      return absl::OkStatus();
    case ChatInput::Event::Interrupted:
      if (warned || InterruptGuard::signal() != SIGINT || !input_.interactive())
        return absl::CancelledError();
      InterruptGuard::clear();
      printNow("\n(Ctrl-C again or Ctrl-D ends)\n");
      warned = true;
      continue;
    case ChatInput::Event::Command:
      status = obey(entry.text, ends);
      break;
    case ChatInput::Event::Message:
      status = ask(entry.text);
      break;
    }
    warned = false;
    if (!status.ok() && !input_.interactive())
      return status;
    if (!status.ok())
      printError(status.message());
  }
  return absl::OkStatus();
}

absl::Status Chat::operator()() {
  if (absl::Status status = open(); !status.ok())
    return status;
  InterruptGuard guard;
  return talk();
}

} // namespace

void addChatCommand(CLI::App &app, Action &action) {
  CLI::App *command = app.add_subcommand("chat", "Talk with a model, by its chat template");
  auto options = std::make_shared<Options>();
  addModelArgument(*command, options->model.path);
  addChatOptions(*command, options->chat, /*flag=*/false);
  command->add_option("--load", options->loadPath, "Go on with a conversation that /save wrote")
      ->type_name("FILE");
  addGenerationOptions(*command, options->limits);
  addThreadsOption(*command, options->model.threads);
  addContextOption(*command, options->context, 0,
                   "Tokens that the conversation may have; 0: what the model was trained for, at "
                   "most 4096");
  command->add_flag("--stats", options->stats, "Say after each answer how fast it was");
  addSamplingOptions(*command, options->sampler);
  addCompileOptions(*command, options->model);
  addLoraOption(*command, options->model.adapters);
  command->footer(
      "Messages are lines of standard input, answers go to stdout. An answer ends with the\n"
      "vocabulary's end of a turn. Within the conversation:\n" +
      std::string(kHelp) +
      "When the input is no terminal, the first error ends the program with exit code 1.");
  command->callback([options, &action] { action = [options] { return Chat(*options)(); }; });
}

} // namespace llmc::cli
