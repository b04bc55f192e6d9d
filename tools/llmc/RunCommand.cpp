#include "absl/strings/str_cat.h"
#include "frontends/tokenizer/GgufTokenizer.h"
#include "runtime/core/Interrupt.h"
#include "runtime/sampling/Sampler.h"
#include "tools/llmc/ChatOptions.h"
#include "tools/llmc/Commands.h"
#include "tools/llmc/Console.h"
#include "tools/llmc/Conversation.h"
#include "tools/llmc/Engine.h"
#include "tools/llmc/Generation.h"
#include "tools/llmc/TextInput.h"
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace llmc::cli {
namespace {

struct RunOptions {
  ModelOptions model;
  TextInput prompt;
  SamplerOptions sampler;
  ChatOptions chat;
  GenerationLimits limits;
  int64_t context = 0;
  bool echo = false, json = false;
};

class Run {
public:
  explicit Run(const RunOptions &options) : options_(options) {}
  absl::Status operator()();

private:
  absl::StatusOr<std::vector<int32_t>> promptTokens() const;
  absl::StatusOr<std::vector<int32_t>> chatTokens(const std::string &text) const;
  void emit(absl::string_view text) const;
  void report(const Sampler &sampler) const;

  const RunOptions &options_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::unique_ptr<Session> session_;
  Generation result_;
};

absl::StatusOr<std::vector<int32_t>> Run::promptTokens() const {
  absl::StatusOr<std::string> text = options_.prompt.read();
  if (!text.ok())
    return text.status();
  absl::StatusOr<std::vector<int32_t>> tokens =
      options_.chat.chat
          ? chatTokens(*text)
          : encodeForModel(*tokenizer_, *text, options_.prompt.name(), /*parseSpecial=*/true);
  if (!tokens.ok())
    return tokens.status();
  if (tokens->empty() && tokenizer_->bosId())
    tokens->push_back(*tokenizer_->bosId());
  if (tokens->empty())
    return absl::InvalidArgumentError(
        absl::StrCat(options_.prompt.name(), " is empty and the model has no token to begin with; "
                                             "give a text"));
  if (int64_t(tokens->size()) > session_->context())
    return absl::OutOfRangeError(absl::StrCat(options_.prompt.name(), " has ", tokens->size(),
                                              " tokens, the context holds ", session_->context(),
                                              "; choose a larger -c or a shorter text"));
  return tokens;
}

// The prompt as the user's message in a conversation.
absl::StatusOr<std::vector<int32_t>> Run::chatTokens(const std::string &text) const {
  absl::StatusOr<chat::ChatTemplate> chatTemplate =
      openChatTemplate(engine_->file(), *tokenizer_, options_.chat);
  if (!chatTemplate.ok())
    return chatTemplate.status();
  Conversation conversation(options_.chat.system);
  conversation.add("user", text);
  absl::StatusOr<std::string> rendered = chatTemplate->render(conversation.request());
  if (!rendered.ok())
    return rendered.status();
  absl::StatusOr<std::vector<int32_t>> tokens = chat::encodeChat(*tokenizer_, *rendered);
  return tokens.ok() ? tokens : atPlace(tokens.status(), options_.prompt.name());
}

void Run::emit(absl::string_view text) const {
  if (!options_.json)
    printNow(text);
}

void Run::report(const Sampler &sampler) const {
  const Generation &r = result_;
  const GenerationSpeed speed = speedOf(*engine_, r);
  auto orNull = [](std::optional<double> value) {
    return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json();
  };
  if (options_.json)
    return printJson({{"prompt_tokens", r.promptTokens},
                      {"tokens", r.tokens},
                      {"text", r.text},
                      {"prompt_ms", r.promptMs},
                      {"ms_per_token", r.msPerToken()},
                      {"tokens_per_second", r.tokensPerSecond()},
                      {"gb_per_second", speed.gigabytesPerSecond},
                      {"bandwidth_gb_per_second", orNull(speed.bandwidth)},
                      {"bandwidth_percent", orNull(speed.percent)},
                      {"stop", r.stop},
                      {"seed", sampler.seed()}});
  if (absl::string_view(r.stop) == "context")
    printNote(absl::StrCat("the context of ", session_->context(),
                           " tokens is full; -c makes it longer"));
  printNote(speedText(r, speed));
}

absl::Status Run::operator()() {
  if (absl::Status status = options_.sampler.validation(); !status.ok())
    return usageError(status.message());
  if (!options_.prompt.given())
    return usageError("no prompt: give -p TEXT or -f FILE");
  absl::StatusOr<Sampler> sampler = Sampler::create(options_.sampler);
  if (!sampler.ok())
    return sampler.status();
  absl::StatusOr<std::unique_ptr<Engine>> engine =
      Engine::open(withContext(options_.model, options_.context));
  if (!engine.ok())
    return engine.status();
  engine_ = std::move(*engine);
  absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = loadTokenizer(engine_->file());
  if (!tokenizer.ok())
    return tokenizer.status();
  tokenizer_ = std::move(*tokenizer);
  absl::StatusOr<std::unique_ptr<Session>> session = engine_->newSession(options_.context);
  if (!session.ok())
    return session.status();
  session_ = std::move(*session);
  absl::StatusOr<std::vector<int32_t>> prompt = promptTokens();
  if (!prompt.ok())
    return prompt.status();

  InterruptGuard guard;
  if (options_.echo) {
    result_.text = tokenizer_->decode(*prompt, {.stripSpacePrefix = true});
    emit(result_.text);
  }
  if (absl::Status status = readPrompt(*engine_, *session_, *sampler, *prompt, result_);
      !status.ok())
    return status;
  if (absl::Status status = generate(
          *engine_, *tokenizer_, *session_, *sampler, options_.limits,
          [&](absl::string_view text) { emit(text); }, result_);
      !status.ok())
    return status;
  if (!result_.text.empty() && result_.text.back() != '\n')
    emit("\n");
  report(*sampler);
  return InterruptGuard::interrupted() ? absl::CancelledError() : absl::OkStatus();
}

} // namespace

void addRunCommand(CLI::App &app, Action &action) {
  CLI::App *command = app.add_subcommand("run", "Complete a prompt, streaming");
  auto options = std::make_shared<RunOptions>();
  addModelArgument(*command, options->model.path);
  options->prompt.addTo(*command);
  addGenerationOptions(*command, options->limits);
  addThreadsOption(*command, options->model.threads);
  addContextOption(*command, options->context, 0,
                   "Tokens that prompt and answer may have together; 0: what the model was trained "
                   "for, at most 4096");
  command->add_flag("--echo", options->echo, "Print the prompt in front of what follows it");
  addJsonFlag(*command, options->json,
              "Print one JSON document at the end: prompt_tokens, tokens, text, prompt_ms, "
              "ms_per_token, tokens_per_second, gb_per_second, bandwidth_gb_per_second, "
              "bandwidth_percent, stop, seed");
  addChatOptions(*command, options->chat, /*flag=*/true);
  addSamplingOptions(*command, options->sampler);
  addCompileOptions(*command, options->model);
  addLoraOption(*command, options->model.adapters);
  command->footer(
      "The text goes to stdout, how fast it was to stderr: GB/s counts the weights and the KV\n"
      "cache that a token reads, beside what a plain read of memory by as many threads reaches.\n"
      " Special tokens in the prompt,\n"
      "such as <s>, count as such. The first Ctrl-C ends the text cleanly, with exit code\n"
      "130, the second at once.");
  command->callback([options, &action] { action = [options] { return Run(*options)(); }; });
}

} // namespace llmc::cli
