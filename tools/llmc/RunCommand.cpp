#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "frontends/tokenizer/GgufTokenizer.h"
#include "runtime/core/Interrupt.h"
#include "runtime/sampling/Sampler.h"
#include "runtime/text/Utf8Stream.h"
#include "tools/llmc/Commands.h"
#include "tools/llmc/Console.h"
#include "tools/llmc/Engine.h"
#include "tools/llmc/HostBandwidth.h"
#include "tools/llmc/TextInput.h"
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace llmc::cli {
namespace {

using Clock = std::chrono::steady_clock;

double milliseconds(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

struct RunOptions {
  ModelOptions model;
  TextInput prompt;
  SamplerOptions sampler;
  int64_t context = 0;
  int64_t tokens = -1; // -1: until the model ends or the context is full
  bool ignoreEos = false, echo = false, json = false;
};

struct Generation {
  size_t promptTokens = 0;
  std::vector<int32_t> tokens;
  std::string text;
  const char *stop = "limit";
  double promptMs = 0, generationMs = 0;

  // The first token comes with the prompt.
  size_t steps() const { return tokens.empty() ? 0 : tokens.size() - 1; }
  double msPerToken() const { return steps() ? generationMs / steps() : 0; }
  double tokensPerSecond() const { return generationMs > 0 ? steps() * 1000 / generationMs : 0; }
  // Positions of the KV cache that a step reads, on average.
  double meanPositions() const { return double(promptTokens) + (double(steps()) + 1) / 2; }
};

class Run {
public:
  explicit Run(const RunOptions &options) : options_(options) {}
  absl::Status operator()();

private:
  absl::StatusOr<std::vector<int32_t>> promptTokens() const;
  absl::Status runPrompt(const std::vector<int32_t> &tokens);
  absl::Status generate(Sampler &sampler);
  void emit(std::string text);
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
      encodeForModel(*tokenizer_, *text, options_.prompt.name(), /*parseSpecial=*/true);
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

absl::Status Run::runPrompt(const std::vector<int32_t> &tokens) {
  Progress progress("reading the prompt");
  const size_t chunk = engine_->program().manifest.maxRows;
  result_.promptTokens = tokens.size();
  for (size_t at = 0; at < tokens.size() && !InterruptGuard::interrupted(); at += chunk) {
    progress.show(double(at) / tokens.size());
    std::span<const int32_t> part(tokens);
    if (absl::Status status =
            session_->evaluate(part.subspan(at, std::min(chunk, tokens.size() - at)));
        !status.ok())
      return status;
  }
  return absl::OkStatus();
}

void Run::emit(std::string text) {
  if (!options_.json)
    printNow(text);
  result_.text += text;
}

absl::Status Run::generate(Sampler &sampler) {
  Utf8Stream stream;
  Clock::time_point first = {};
  while (options_.tokens < 0 || int64_t(result_.tokens.size()) < options_.tokens) {
    if (InterruptGuard::interrupted()) {
      result_.stop = "interrupted";
      break;
    }
    if (!result_.tokens.empty()) {
      if (session_->position() == session_->context()) {
        result_.stop = "context";
        break;
      }
      if (absl::Status status = session_->evaluate({&result_.tokens.back(), 1}); !status.ok())
        return status;
    }
    absl::StatusOr<int32_t> token = sampler.sample(session_->lastLogits());
    if (!token.ok())
      return atPlace(token.status(), engine_->file().path());
    if (!options_.ignoreEos && tokenizer_->isEndOfGeneration(*token)) {
      result_.stop = "end";
      break;
    }
    sampler.accept(*token);
    // Of the first token, the time is the prompt's.
    if (result_.tokens.empty())
      first = Clock::now();
    result_.tokens.push_back(*token);
    result_.generationMs = milliseconds(first, Clock::now());
    emit(stream.push(tokenizer_->piece(*token)));
  }
  emit(stream.finish());
  if (!options_.json && !result_.text.empty() && result_.text.back() != '\n')
    print("\n");
  return absl::OkStatus();
}

void Run::report(const Sampler &sampler) const {
  const Generation &r = result_;
  const double bytes = engine_->bytesPerStep(1, r.meanPositions());
  const double gigabytesPerSecond = r.tokensPerSecond() * bytes / 1e9;
  std::optional<double> bandwidth, percent;
  if (r.steps())
    bandwidth = hostReadBandwidth(*engine_);
  if (bandwidth)
    percent = 100 * gigabytesPerSecond / *bandwidth;
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
                      {"gb_per_second", gigabytesPerSecond},
                      {"bandwidth_gb_per_second", orNull(bandwidth)},
                      {"bandwidth_percent", orNull(percent)},
                      {"stop", r.stop},
                      {"seed", sampler.seed()}});
  if (absl::string_view(r.stop) == "context")
    printNote(absl::StrCat("the context of ", session_->context(),
                           " tokens is full; -c makes it longer"));
  std::string line = absl::StrFormat("prompt: %d tokens, %.1f tokens/s", r.promptTokens,
                                     r.promptTokens * 1000 / r.promptMs);
  absl::StrAppendFormat(&line, "; generated: %d tokens", r.tokens.size());
  if (r.steps())
    absl::StrAppendFormat(&line, ", %.1f tokens/s, %.2f ms/token, %.1f GB/s", r.tokensPerSecond(),
                          r.msPerToken(), gigabytesPerSecond);
  if (percent)
    absl::StrAppendFormat(
        &line, ", %.0f %% of the read bandwidth of %.1f GB/s%s", *percent, *bandwidth,
        *percent > 100 && fitsCaches(bytes) ? " (the weights fit the caches)" : "");
  printNote(line);
}

absl::Status Run::operator()() {
  if (absl::Status status = options_.sampler.validation(); !status.ok())
    return usageError(status.message());
  if (!options_.prompt.given())
    return usageError("no prompt: give -p TEXT or -f FILE");
  absl::StatusOr<Sampler> sampler = Sampler::create(options_.sampler);
  if (!sampler.ok())
    return sampler.status();
  absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::open(options_.model);
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
  if (options_.echo)
    emit(tokenizer_->decode(*prompt, {.stripSpacePrefix = true}));
  Clock::time_point start = Clock::now();
  if (absl::Status status = runPrompt(*prompt); !status.ok())
    return status;
  for (int32_t token : *prompt)
    sampler->accept(token);
  result_.promptMs = milliseconds(start, Clock::now());
  if (absl::Status status = generate(*sampler); !status.ok())
    return status;
  report(*sampler);
  return InterruptGuard::interrupted() ? absl::CancelledError() : absl::OkStatus();
}

} // namespace

void addRunCommand(CLI::App &app, Action &action) {
  CLI::App *command = app.add_subcommand("run", "Complete a prompt, streaming");
  auto options = std::make_shared<RunOptions>();
  addModelArgument(*command, options->model.path);
  options->prompt.addTo(*command);
  command
      ->add_option("-n,--n-predict", options->tokens,
                   "Tokens to generate; -1: until the model ends or the context is full")
      ->check(integerFrom(-1))
      ->type_name("N")
      ->capture_default_str();
  addThreadsOption(*command, options->model.threads);
  addContextOption(*command, options->context, 0,
                   "Tokens that prompt and answer may have together; 0: what the model was trained "
                   "for, at most 4096");
  command->add_flag("--ignore-eos", options->ignoreEos, "Go on when the model says it is done");
  command->add_flag("--echo", options->echo, "Print the prompt in front of what follows it");
  addJsonFlag(*command, options->json,
              "Print one JSON document at the end: prompt_tokens, tokens, text, prompt_ms, "
              "ms_per_token, tokens_per_second, gb_per_second, bandwidth_gb_per_second, "
              "bandwidth_percent, stop, seed");
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
