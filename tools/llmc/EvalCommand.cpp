#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "frontends/tokenizer/GgufTokenizer.h"
#include "runtime/core/Interrupt.h"
#include "runtime/core/TemporaryFolder.h"
#include "tools/llmc/ChatOptions.h"
#include "tools/llmc/Commands.h"
#include "tools/llmc/Console.h"
#include "tools/llmc/EvalReport.h"
#include "tools/llmc/MergeRun.h"
#include "tools/llmc/QuantizeRun.h"
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>

namespace llmc::cli {
namespace {

struct EvalOptions {
  ModelOptions model;
  std::string data, records;
  std::vector<std::string> compared; // other models
  std::vector<std::string> tasks;    // empty: what a record allows
  std::vector<std::string> merged;   // types
  EvalLimits limits;
  int64_t limit = 0;
  ChatOptions chat;
  bool json = false;
};

class Eval {
public:
  explicit Eval(const EvalOptions &options) : options_(options) {}
  absl::Status operator()();

private:
  absl::Status check() const;
  absl::Status read();
  absl::Status checkCompared(const std::string &path, const eval::EvalReadOptions &reading) const;
  absl::Status chooseTasks();
  absl::Status run(const std::string &name, const ModelOptions &model);
  absl::Status runMerged(const std::string &type);
  absl::Status runAll();
  absl::Status finish();

  const EvalOptions &options_;
  EvalTasks tasks_;
  std::shared_ptr<gguf::GgufFile> file_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::vector<eval::EvalSample> samples_;
  EvalReport report_;
};

absl::Status Eval::check() const {
  if (!options_.merged.empty() && options_.model.adapters.empty())
    return usageError("--merged has nothing to merge; give --lora FILE");
  std::error_code none;
  for (const std::string &input : {options_.data, options_.model.path})
    if (!options_.records.empty() && std::filesystem::equivalent(options_.records, input, none))
      return usageError(absl::StrCat("--records ", input, " is read; choose another name"));
  for (const std::string &type : options_.merged)
    if (absl::Status status = checkMergeType(type); !status.ok())
      return status;
  return absl::OkStatus();
}

// All that can be wrong with data, model and adapters is found before anything is compiled.
absl::Status Eval::read() {
  absl::StatusOr<std::shared_ptr<gguf::GgufFile>> file = gguf::GgufFile::open(options_.model.path);
  if (!file.ok())
    return file.status();
  file_ = *std::move(file);
  absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = loadTokenizer(*file_);
  if (!tokenizer.ok())
    return tokenizer.status();
  tokenizer_ = *std::move(tokenizer);
  if (!options_.model.adapters.empty())
    if (absl::StatusOr<quantize::QuantizationPlan> plan =
            planMergeOf(*file_, options_.model.adapters, "keep", nullptr);
        !plan.ok())
      return plan.status();

  eval::EvalReadOptions reading{
      .modelTemplate =
          std::string(file_->get<absl::string_view>("tokenizer.chat_template").value_or("")),
      .system = options_.chat.system,
      .limit = static_cast<uint64_t>(options_.limit)};
  std::optional<chat::ChatTemplate> chat;
  if (options_.chat.chat) {
    absl::StatusOr<chat::ChatTemplate> opened =
        openChatTemplate(*file_, *tokenizer_, options_.chat);
    if (!opened.ok())
      return opened.status();
    chat.emplace(*std::move(opened));
    reading.chat = &*chat;
  }
  absl::StatusOr<std::vector<eval::EvalSample>> samples =
      eval::readEvalData(options_.data, *tokenizer_, reading);
  if (!samples.ok())
    return samples.status();
  samples_ = *std::move(samples);
  for (const std::string &path : options_.compared)
    if (absl::Status status = checkCompared(path, reading); !status.ok())
      return status;
  return absl::OkStatus();
}

// Losses are of the same thing only if the tokens are the same.
absl::Status Eval::checkCompared(const std::string &path,
                                 const eval::EvalReadOptions &reading) const {
  absl::StatusOr<std::shared_ptr<gguf::GgufFile>> file = gguf::GgufFile::open(path);
  if (!file.ok())
    return file.status();
  absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = loadTokenizer(**file);
  if (!tokenizer.ok())
    return tokenizer.status();
  absl::StatusOr<std::vector<eval::EvalSample>> samples =
      eval::readEvalData(options_.data, **tokenizer, reading);
  if (!samples.ok())
    return atPlace(samples.status(), path);
  if (*samples != samples_)
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": has another vocabulary than ", options_.model.path,
                     ", so that losses cannot be compared; evaluate each by itself"));
  return absl::OkStatus();
}

absl::Status Eval::chooseTasks() {
  if (options_.tasks.empty())
    return absl::OkStatus();
  tasks_ = {false, false, false};
  for (const std::string &task : options_.tasks)
    (task == "exact" ? tasks_.exact : task == "choice" ? tasks_.choice : tasks_.perplexity) = true;
  const auto allowed = [&](const eval::EvalSample &sample) {
    return sample.kind == eval::RecordKind::Choice ? tasks_.choice
           : sample.kind == eval::RecordKind::Text ? tasks_.perplexity
                                                   : tasks_.exact || tasks_.perplexity;
  };
  std::erase_if(samples_, [&](const eval::EvalSample &sample) { return !allowed(sample); });
  if (samples_.empty())
    return absl::InvalidArgumentError(
        absl::StrCat(options_.data, ": no record allows what --task asks for: exact needs a prompt "
                                    "with its completion, choice needs choices and an answer"));
  return absl::OkStatus();
}

absl::Status Eval::run(const std::string &name, const ModelOptions &model) {
  absl::StatusOr<std::unique_ptr<Engine>> engine =
      Engine::open(withContext(model, options_.limits.context));
  if (!engine.ok())
    return engine.status();
  Progress progress(name);
  const auto start = std::chrono::steady_clock::now();
  absl::StatusOr<std::vector<RecordResult>> results = evaluateRecords(
      **engine, *tokenizer_, samples_, options_.data, tasks_, options_.limits, [&](size_t done) {
        progress.show(static_cast<double>(done) / static_cast<double>(samples_.size()),
                      absl::StrFormat("%d of %d records", done, samples_.size()));
      });
  if (!results.ok())
    return results.status();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  report_.variants.push_back({name, *std::move(results), took.count()});
  return InterruptGuard::interrupted() ? absl::CancelledError() : absl::OkStatus();
}

absl::Status Eval::runMerged(const std::string &type) {
  absl::StatusOr<std::unique_ptr<TemporaryFolder>> folder = TemporaryFolder::create();
  if (!folder.ok())
    return folder.status();
  const std::string merged = (*folder)->fileNamed("merged.gguf");
  absl::StatusOr<quantize::QuantizationPlan> plan =
      planMergeOf(*file_, options_.model.adapters, type, nullptr);
  if (!plan.ok())
    return plan.status();
  ThreadTeam team(options_.model.threads);
  absl::StatusOr<double> seconds =
      quantizeWithProgress("merging", *file_, *plan, nullptr, merged, team);
  if (!seconds.ok())
    return seconds.status();
  ModelOptions model = options_.model;
  model.path = merged;
  model.adapters.clear();
  return run(type == "keep" ? "merged" : absl::StrCat("merged ", type), model);
}

absl::Status Eval::runAll() {
  ModelOptions base = options_.model;
  base.adapters.clear();
  absl::Status status = run("base", base);
  if (status.ok() && !options_.model.adapters.empty())
    status = run("adapter", options_.model);
  for (const std::string &type : options_.merged)
    if (status.ok())
      status = runMerged(type);
  for (const std::string &path : options_.compared) {
    base.path = path;
    if (status.ok())
      status = run(path, base);
  }
  return status;
}

absl::Status Eval::finish() {
  if (!options_.records.empty())
    if (absl::Status status = writeEvalRecords(options_.records, report_); !status.ok())
      return status;
  if (options_.json)
    printJson(evalJson(report_));
  else
    print(evalText(report_));
  return absl::OkStatus();
}

absl::Status Eval::operator()() {
  absl::Status ready = check();
  if (ready.ok())
    ready = read();
  if (ready.ok())
    ready = chooseTasks();
  if (!ready.ok())
    return ready;
  report_.model = options_.model.path;
  report_.data = options_.data;
  report_.samples = samples_;
  for (const lora::AdapterChoice &adapter : options_.model.adapters)
    report_.adapters.push_back(absl::StrFormat("%s:%g", adapter.path, adapter.scale));

  InterruptGuard guard;
  absl::Status status = runAll();
  report_.interrupted = absl::IsCancelled(status);
  if (!status.ok() && !report_.interrupted)
    return status;
  if (!report_.variants.empty() && !report_.variants[0].results.empty())
    if (absl::Status finished = finish(); !finished.ok())
      return finished;
  return status;
}

} // namespace

void addEvalCommand(CLI::App &app, Action &action) {
  CLI::App *command = app.add_subcommand(
      "eval", "Measure a model, and what an adapter does to it, on records with right answers");
  auto options = std::make_shared<EvalOptions>();
  addModelArgument(*command, options->model.path);
  command->add_option("--data", options->data, "The records: JSONL, one object a line")
      ->type_name("FILE.jsonl")
      ->required();
  command
      ->add_option_function<std::string>(
          "--merged",
          [options](const std::string &types) { options->merged = absl::StrSplit(types, ','); },
          "Also run the model with the adapters merged into its weights, as 'export-lora "
          "--type TYPE' does it: keep, or a type of 'llmc quantize'; several with commas. "
          "The merged file is in $TMPDIR until it is loaded")
      ->type_name("[TYPE]")
      ->expected(0, 1)
      ->default_str("keep");
  command
      ->add_option("--compare", options->compared,
                   "Also run another model of the same vocabulary, as the result of full "
                   "fine-tuning or a quantized one; may be given several times")
      ->type_name("OTHER.gguf")
      ->allow_extra_args(false);
  command
      ->add_option("--task", options->tasks,
                   "Measure only some of exact, choice and perplexity, with commas; default: what "
                   "a record allows")
      ->check(CLI::IsMember({"exact", "choice", "perplexity"}))
      ->type_name("TASK,...")
      ->allow_extra_args(false)
      ->delimiter(',');
  command->add_option("--limit", options->limit, "Use only the first N records; 0: all")
      ->check(integerFrom(0))
      ->type_name("N")
      ->capture_default_str();
  command
      ->add_option("--max-tokens", options->limits.maxTokens,
                   "Most tokens of an answer; 0: as many as the right one has, and 8 more")
      ->check(integerFrom(0))
      ->type_name("N")
      ->capture_default_str();
  command
      ->add_option("--records", options->records,
                   "Write what came of each record, a line of JSON each")
      ->type_name("OUT.jsonl");
  addThreadsOption(*command, options->model.threads);
  addContextOption(
      *command, options->limits.context, 0,
      "Tokens that a record may have; 0: what the model was trained for, at most 4096");
  addJsonFlag(*command, options->json,
              "Print one JSON document: model, data, adapters, records, interrupted, variants "
              "(name, records, seconds, metrics with value, stderr, records), comparisons "
              "(variant, against, metrics with change, stderr, won, lost, p_value, measurable; "
              "verdict)");
  addChatOptions(*command, options->chat, /*flag=*/true);
  addCompileOptions(*command, options->model);
  addLoraOption(*command, options->model.adapters);
  command->footer(
      "A record is known by its keys. prompt + completion, messages, conversations and\n"
      "instruction + output, as training reads them: exact (the likeliest answer is the\n"
      "completion, but for white space around it; as many lines count as the completion has) and\n"
      "the completion's loss and perplexity. prompt or question, choices and answer (index from\n"
      "0, letter or text): acc (the choice of the highest log likelihood) and acc_norm (the same\n"
      "by character). text: loss and perplexity.\n"
      "With --lora, base and adapter run on the same records and are compared record by record:\n"
      "p is the sign test's for right and wrong answers, losses differ measurably by more than\n"
      "two standard errors. Ctrl-C prints what is done, with exit code 130.");
  command->callback([options, &action] { action = [options] { return Eval(*options)(); }; });
}

} // namespace llmc::cli
