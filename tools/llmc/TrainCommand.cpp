#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "frontends/lora/config/ConfigKeys.h"
#include "frontends/lora/train/Trainer.h"
#include "runtime/core/Interrupt.h"
#include "runtime/train/MpiCommunicator.h"
#include "tools/llmc/Commands.h"
#include "tools/llmc/Console.h"
#include "tools/llmc/TrainConsole.h"
#include "tools/llmc/TrainPlan.h"
#include "tools/llmc/TrainReport.h"
#include "tools/llmc/TrainSample.h"
#include "tools/llmc/TrainingSetup.h"
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace llmc::cli {
namespace {

// With what is known when a run is over.
absl::Status writeLastPictures(const lora::TrainOutcome &outcome, const lora::TrainConfig &config,
                               const std::optional<lora::TextPair> &samples) {
  lora::RunTracking::State state{.step = outcome.step,
                                 .totalSteps = outcome.totalSteps,
                                 .tokens = outcome.tokens,
                                 .seconds = outcome.seconds,
                                 .stopped = outcome.stopped,
                                 .pair = samples};
  if (outcome.before)
    state.comparison = comparisonOf(outcome, config);
  return outcome.tracking->writePictures(state);
}

// A trainer, and what it needs, in the order in which they are made.
struct Training {
  std::unique_ptr<TrainingModel> model;
  std::unique_ptr<lora::TrainableParameters> parameters;
  std::unique_ptr<lora::Trainer> trainer;

  absl::Status open(TrainingSetup &setup, lora::TrainObserver &observer,
                    Communicator &communicator) {
    absl::StatusOr<std::unique_ptr<TrainingModel>> loaded =
        setup.loadModel(setup.config.maxSeqLength, setup.config.batchSize);
    if (!loaded.ok())
      return loaded.status();
    model = *std::move(loaded);
    absl::StatusOr<std::unique_ptr<lora::TrainableParameters>> found = setup.parametersOf(*model);
    if (!found.ok())
      return found.status();
    parameters = *std::move(found);
    absl::StatusOr<std::unique_ptr<lora::Trainer>> created = lora::Trainer::create(
        {setup.config, setup.base, setup.data, *setup.tokenizer, *model, *parameters, *setup.team,
         observer, lora::digestOf(*setup.file), sampleWriter(setup), &communicator});
    if (created.ok())
      trainer = *std::move(created);
    return created.status();
  }

  // In their order, as a large model is not to be in memory twice.
  void close() {
    trainer.reset();
    parameters.reset();
    model.reset();
  }
};

// The error of one process is told by that one.
absl::Status agreeAloud(Communicator &communicator, const absl::Status &status) {
  const absl::Status agreed = agree(communicator, status);
  if (absl::IsUnavailable(agreed) && !absl::IsUnavailable(status))
    keepQuiet(/*errors=*/true);
  return agreed;
}

std::string summingText(const lora::TrainOutcome &outcome, int processes) {
  const double hidden = outcome.summingSeconds > 0
                            ? std::max(0.0, 1 - outcome.exposedSeconds / outcome.summingSeconds)
                            : 0;
  return absl::StrFormat("%d processes summed %s of gradients in each step, in %.2f s in all, of "
                         "which %.0f %% passed while gradients were still computed",
                         processes, bytesText(outcome.summedBytes), outcome.summingSeconds,
                         100 * hidden);
}

absl::Status train(TrainingSetup &setup, Communicator &communicator) {
  TrainConsole console(setup.config.loggingSteps);
  lora::TrainObserver silent;
  lora::TrainObserver &observer = communicator.isFirst() ? console : silent;
  Training training;
  if (absl::Status status = agreeAloud(communicator, training.open(setup, observer, communicator));
      !status.ok())
    return status;
  lora::Trainer &trainer = *training.trainer;
  if (trainer.firstStep() > 0)
    printNote(
        absl::StrCat("goes on after step ", trainer.firstStep(), " of ", trainer.totalSteps()));
  printNote(absl::StrCat("trains ", training.parameters->parameters(), " parameters in ",
                         setup.isFull()
                             ? absl::StrCat(training.model->parameters().size(), " tensors, ")
                             : absl::StrCat(setup.plan.matrices.size(), " pairs of matrices, "),
                         trainer.totalSteps(), " steps"));
  InterruptGuard guard;
  absl::StatusOr<lora::TrainOutcome> outcome = trainer.run();
  console.clear();
  if (!outcome.ok()) {
    // Who has ended, or mpirun, says why.
    if (absl::IsUnavailable(outcome.status()) && !communicator.isFirst())
      keepQuiet(/*errors=*/true);
    return outcome.status();
  }
  if (absl::Status status = communicator.close(); !status.ok())
    return status;
  if (!communicator.isAlone())
    printNote(summingText(*outcome, communicator.size()));
  if (!communicator.isFirst())
    return outcome->interrupted ? absl::CancelledError() : absl::OkStatus();
  std::optional<lora::TextPair> samples;
  if (!outcome->interrupted) {
    training.close();
    absl::StatusOr<lora::TextPair> made = greedySamples(setup);
    if (made.ok())
      samples = *std::move(made);
    else if (!absl::IsCancelled(made.status()))
      printNote(absl::StrCat("no sample of what it writes: ", made.status().message()));
  }
  if (!outcome->interrupted)
    if (absl::Status status = writeLastPictures(*outcome, setup.config, samples); !status.ok())
      return status;
  if (setup.options.json)
    printJson(outcomeJson(*outcome, setup.config, samples));
  if (outcome->interrupted) {
    printNote(absl::StrCat("stopped after step ", outcome->step,
                           "; the same command goes on from there"));
    return absl::CancelledError();
  }
  if (!setup.options.json)
    print(outcomeText(*outcome, setup.config, samples));
  return absl::OkStatus();
}

absl::Status runTrain(const TrainOptions &options) {
  if (options.printConfig) {
    absl::StatusOr<lora::TrainConfig> config = readConfig(options);
    if (!config.ok())
      return config.status();
    print(lora::printConfig(*config));
    return absl::OkStatus();
  }
  if (options.config.empty())
    return usageError("no config: give --lora CONFIG.yaml, or --scratch CONFIG.yaml to make a "
                      "model; --print-config prints one to begin with");
  absl::StatusOr<std::unique_ptr<Communicator>> opened = openCommunicator();
  if (!opened.ok())
    return opened.status();
  Communicator &communicator = **opened;
  if (options.plan && !communicator.isAlone())
    return usageError("--plan measures one process; leave out mpirun");
  if (options.scratch && !communicator.isAlone())
    return usageError("--scratch is for one process; with several, train the initial.gguf that it "
                      "makes: --config with model: initial.gguf and fine_tune_type: full");
  if (!communicator.isFirst())
    keepQuiet();
  absl::StatusOr<std::unique_ptr<TrainingSetup>> setup = TrainingSetup::open(options);
  if (absl::Status status = agreeAloud(communicator, setup.status()); !status.ok())
    return status;
  return options.plan ? printTrainPlan(**setup) : train(**setup, communicator);
}

} // namespace

void addTrainCommand(CLI::App &app, Action &action) {
  CLI::App *command =
      app.add_subcommand("train", "Train a LoRA adapter for a model, or the model itself");
  auto options = std::make_shared<TrainOptions>();
  CLI::Option *lora =
      command
          ->add_option("--lora,--config", options->config, "The config: model, data and all else")
          ->type_name("CONFIG.yaml");
  CLI::Option *scratch =
      command
          ->add_option_function<std::string>(
              "--scratch",
              [options](const std::string &path) {
                options->config = path;
                options->scratch = true;
              },
              "The config of a model to make: its vocabulary from the data, its first weights at "
              "random; all of it is trained, to OUTPUT_DIR/model.gguf")
          ->type_name("CONFIG.yaml")
          ->excludes(lora);
  command
      ->add_option("--tokenizer", options->tokenizer,
                   "With --scratch: a model whose vocabulary is taken instead of making one")
      ->type_name("FILE.gguf")
      ->needs(scratch);
  command
      ->add_option("--set", options->overrides,
                   "Give a key of the config another value, as --set lora.rank=8")
      ->type_name("KEY=VALUE")
      ->take_all();
  command->add_flag("--plan", options->plan,
                    "Train nothing: measure a step, and tell time and memory, also for half and "
                    "double of context and batch");
  command->add_flag("--print-config", options->printConfig,
                    "Print all keys with their values and meanings as a config, and exit");
  addJsonFlag(
      *command, options->json,
      "Print one JSON document at the end: output_dir, adapter (or model), steps, total_steps, "
      "resumed_from, tokens, seconds, interrupted, stopped_early, eval_tokens, "
      "loss_before, loss_after, ppl_before, ppl_after, loss_change, loss_change_stderr, "
      "measurable, sample; of preferences eval_pairs, margin_before, accuracy_before, "
      "likelier_before and those after instead of eval_tokens and ppl");
  addThreadsOption(*command, options->model.threads);
  addTargetOptions(*command, options->model);
  command->footer(absl::StrCat(
      "Ctrl-C stops after the step, and the same command goes on from there. 'mpirun -n N llmc\n"
      "train ...' trains with N processes, each with batch_size rows of a batch. In output_dir "
      "are\n"
      "then adapter.gguf and peft (model.gguf with fine_tune_type: full), checkpoints,\n"
      "metrics.jsonl, loss.svg, report.html (the run on one page) and resolved-config.yaml.\n\n"
      "Keys of the config, with their defaults (other programs' names are known, too):\n",
      lora::configHelp()));
  command->callback([options, &action] { action = [options] { return runTrain(*options); }; });
}

} // namespace llmc::cli
