#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "frontends/tokenizer/GgufTokenizer.h"
#include "runtime/core/Interrupt.h"
#include "tools/llmc/Commands.h"
#include "tools/llmc/Console.h"
#include "tools/llmc/Engine.h"
#include "tools/llmc/PerplexityScorer.h"
#include "tools/llmc/TextInput.h"
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace llmc::cli {
namespace {

struct PerplexityOptions {
  ModelOptions model;
  TextInput text;
  int64_t context = 512;
  int64_t chunks = 0; // windows to score; 0 or less: all
  std::string logits; // file to write; empty: none
  bool json = false;
};

absl::Status score(const PerplexityOptions &options, Engine &engine, const PerplexityPlan &plan,
                   size_t windows, PerplexityScorer &scorer) {
  InterruptGuard guard;
  Progress progress("perplexity");
  return scoreWindows(engine, plan, options.context, windows, scorer, [&](size_t done) {
    progress.show(double(done) / windows,
                  absl::StrFormat("%.4f after %d windows", scorer.result().perplexity(), done));
  });
}

absl::Status perplexity(const PerplexityOptions &options) {
  absl::StatusOr<std::string> text = options.text.read();
  if (!text.ok())
    return text.status();
  absl::StatusOr<std::unique_ptr<Engine>> engine =
      Engine::open(withContext(options.model, options.context));
  if (!engine.ok())
    return engine.status();
  absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = loadTokenizer((*engine)->file());
  if (!tokenizer.ok())
    return tokenizer.status();
  absl::StatusOr<std::vector<int32_t>> tokens =
      encodeForModel(**tokenizer, *text, options.text.name(), /*parseSpecial=*/false);
  if (!tokens.ok())
    return tokens.status();
  absl::StatusOr<PerplexityPlan> plan = PerplexityPlan::create(
      *tokens, options.context, (*tokenizer)->addsBos() ? (*tokenizer)->bosId() : std::nullopt);
  if (!plan.ok())
    return atPlace(plan.status(), options.text.name());

  const size_t vocabulary = (*engine)->program().manifest.vocabulary;
  std::optional<NpyWriter> writer;
  if (!options.logits.empty()) {
    absl::StatusOr<NpyWriter> created = NpyWriter::create(options.logits, vocabulary);
    if (!created.ok())
      return created.status();
    writer.emplace(std::move(*created));
  }
  const size_t windows =
      options.chunks <= 0 ? plan->windows() : std::min<size_t>(options.chunks, plan->windows());
  PerplexityScorer scorer((*engine)->team(), vocabulary, writer ? &*writer : nullptr);
  if (absl::Status status = score(options, **engine, *plan, windows, scorer); !status.ok())
    return status;
  if (writer)
    if (absl::Status status = writer->commit(); !status.ok())
      return status;

  const PerplexityAccumulator &result = scorer.result();
  if (options.json)
    printJson({{"ppl", result.perplexity()},
               {"stderr", result.standardError()},
               {"tokens", result.count()},
               {"windows", windows}});
  else
    print(absl::StrFormat("perplexity %.4f +/- %.5f over %d tokens in %d windows\n",
                          result.perplexity(), result.standardError(), result.count(), windows));
  return absl::OkStatus();
}

} // namespace

void addPerplexityCommand(CLI::App &app, Action &action) {
  CLI::App *command = app.add_subcommand("perplexity", "Measure how well a model predicts a text");
  auto options = std::make_shared<PerplexityOptions>();
  addModelArgument(*command, options->model.path);
  options->text.addFileTo(*command);
  addContextOption(*command, options->context, 3, "Tokens of a window");
  command->add_option("--chunks", options->chunks, "Score only the first N windows; 0: all")
      ->check(integerFrom(-1))
      ->type_name("N")
      ->capture_default_str();
  command
      ->add_option("--logits", options->logits,
                   "Write the logits of the scored positions, f32 [tokens, vocabulary]")
      ->type_name("OUT.npy");
  addThreadsOption(*command, options->model.threads);
  addJsonFlag(*command, options->json,
              "Print one JSON document: ppl, stderr (its standard error), tokens, windows");
  addCompileOptions(*command, options->model);
  addLoraOption(*command, options->model.adapters);
  command->footer(
      "As llama-perplexity defines it: adjoining windows of -c tokens, each begun with BOS,\n"
      "the second half of each scored.");
  command->callback([options, &action] { action = [options] { return perplexity(*options); }; });
}

} // namespace llmc::cli
