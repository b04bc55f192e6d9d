#include "tools/llmc/TrainPlan.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "frontends/lora/train/Objective.h"
#include "frontends/lora/train/RunLength.h"
#include "runtime/core/Interrupt.h"
#include "runtime/train/AdamW.h"
#include "tools/llmc/Console.h"
#include "tools/llmc/TrainConsole.h"
#include <algorithm>
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>

namespace llmc::cli {
namespace {

using Clock = std::chrono::steady_clock;
using Memory = TrainingModel::Memory;
using Kind = lora::TrainableParameters::Kind;

// Steps shorter than this are done twice, because the first one also touches memory first.
constexpr double kShortSeconds = 5;

double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// A choice of context and batch, and what it takes.
struct Choice {
  const char *name;
  int64_t context, batch;
  int64_t steps = 0;
  std::vector<Memory> memory = {};
  double stepSeconds = 0;

  uint64_t bytes() const {
    uint64_t sum = 0;
    for (const Memory &part : memory)
      sum += part.bytes;
    return sum;
  }
  double totalSeconds() const { return stepSeconds * static_cast<double>(steps); }
};

std::vector<Choice> choicesOf(const lora::TrainConfig &config) {
  const int64_t context = config.maxSeqLength, batch = config.batchSize;
  std::vector<Choice> choices = {{"as configured", context, batch}};
  if (context >= 4)
    choices.push_back({"half the context", context / 2, batch});
  choices.push_back({"double context", context * 2, batch});
  if (batch >= 2)
    choices.push_back({"half the batch", context, batch / 2});
  choices.push_back({"double batch", context, batch * 2});
  return choices;
}

// `count` tokens of the data, over and over.
std::vector<int32_t> someTokens(const lora::TrainingData &data, int64_t count) {
  const std::span<const int32_t> tokens = data.train.tokens();
  std::vector<int32_t> out(count);
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = tokens[i % tokens.size()];
  return out;
}

// The seconds of one step: its batches and the optimizer.
absl::StatusOr<double> timeStep(TrainingSetup &setup, const Choice &choice, TrainingModel &model,
                                AdamW &optimizer) {
  const int64_t rows =
      choice.context * choice.batch * static_cast<int64_t>(lora::sequencesPerSample(setup.config));
  const std::vector<int32_t> inputs = someTokens(setup.data, rows);
  std::vector<int32_t> targets(inputs.begin() + 1, inputs.end());
  targets.push_back(inputs[0]);
  double seconds = 0;
  for (int attempt = 0; attempt < 2 && (attempt == 0 || seconds < kShortSeconds); ++attempt) {
    const Clock::time_point start = Clock::now();
    absl::StatusOr<std::span<const float>> losses = std::span<const float>();
    for (int pass = 0; losses.ok() && pass < lora::forwardPasses(setup.config); ++pass)
      losses = model.losses(inputs, targets, -1);
    if (losses.ok())
      losses = model.addGradients(inputs, targets, lora::stepSeed(setup.config, 1, 0), {});
    if (!losses.ok())
      return losses.status();
    const double batch = secondsSince(start);
    const Clock::time_point update = Clock::now();
    optimizer.step(setup.config.learningRate, 1 / static_cast<double>(rows), *setup.team);
    seconds = batch * static_cast<double>(setup.config.accumulationSteps) + secondsSince(update);
  }
  return seconds;
}

absl::Status measure(TrainingSetup &setup, Choice &choice, std::vector<Kind> &kinds) {
  lora::TrainConfig config = setup.config;
  config.maxSeqLength = choice.context;
  config.batchSize = choice.batch;
  choice.steps = lora::stepsOf(config, setup.data.train, *setup.tokenizer);
  absl::StatusOr<std::unique_ptr<TrainingModel>> model =
      setup.loadModel(choice.context, choice.batch);
  if (!model.ok())
    return model.status();
  absl::StatusOr<std::unique_ptr<lora::TrainableParameters>> parameters =
      setup.parametersOf(**model);
  absl::Status status = parameters.status();
  // A step takes as long with any values, and singular values take long.
  if (status.ok() && !isPissa(setup.config))
    status = (*parameters)->initialize();
  if (!status.ok())
    return status;
  kinds = (*parameters)->kinds();
  AdamW optimizer(lora::trainedTensorsOf(setup.config, **model), lora::adamOptionsOf(setup.config));
  absl::StatusOr<double> seconds = timeStep(setup, choice, **model, optimizer);
  if (!seconds.ok())
    return seconds.status();
  choice.stepSeconds = *seconds;
  choice.memory = (*model)->memory();
  const uint64_t values = (*parameters)->parameters() * sizeof(float);
  choice.memory.push_back({"optimizer", optimizer.momentBytes()});
  // An adapter in the order of files and as their bytes, while they are written; of the model
  // itself a copy of its values, while the base is validated.
  choice.memory.push_back({"saving", (setup.isFull() ? 1 : 2) * values});
  return absl::OkStatus();
}

void printText(const TrainingSetup &setup, const std::vector<Choice> &choices,
               const std::vector<Kind> &kinds) {
  std::string out =
      setup.isFull()
          ? absl::StrFormat("%-14s %9s %6s %12s\n", "trained", "tensors", "", "parameters")
          : absl::StrFormat("%-14s %9s %6s %12s\n", "adapted", "matrices", "rank", "parameters");
  Kind all;
  for (const Kind &kind : kinds) {
    absl::StrAppendFormat(&out, "%-14s %9d %6s %12d\n", kind.name, kind.tensors,
                          kind.rank ? absl::StrCat(kind.rank) : "", kind.parameters);
    all.tensors += kind.tensors;
    all.parameters += kind.parameters;
  }
  absl::StrAppendFormat(&out, "%-14s %9d %6s %12d\n\n", "all", all.tensors, "", all.parameters);

  absl::StrAppendFormat(&out, "%-18s %8s %6s", "", "context", "batch");
  for (const Memory &part : choices[0].memory)
    absl::StrAppendFormat(&out, " %12s", part.part);
  absl::StrAppendFormat(&out, " %12s %10s %9s %10s\n", "memory", "s/step", "steps", "time");
  for (const Choice &choice : choices) {
    absl::StrAppendFormat(&out, "%-18s %8d %6d", choice.name, choice.context, choice.batch);
    for (const Memory &part : choice.memory)
      absl::StrAppendFormat(&out, " %12s", bytesText(part.bytes));
    absl::StrAppendFormat(&out, " %12s %10.3g %9d %10s\n", bytesText(choice.bytes()),
                          choice.stepSeconds, choice.steps, durationText(choice.totalSeconds()));
  }
  absl::StrAppendFormat(&out,
                        "\nMemory is beside the %s of the model's file, which is mapped. Time is "
                        "that of a step just done, with %d threads, without validations.\n",
                        bytesText(setup.file->fileBytes()), setup.team->threads());
  print(out);
}

void printDocument(const TrainingSetup &setup, const std::vector<Choice> &choices,
                   const std::vector<Kind> &kinds) {
  nlohmann::ordered_json document{{"model", setup.config.model},
                                  {"model_bytes", setup.file->fileBytes()},
                                  {"threads", setup.team->threads()}};
  uint64_t parameters = 0, tensors = 0;
  nlohmann::ordered_json modules;
  for (const Kind &kind : kinds) {
    parameters += kind.parameters;
    tensors += kind.tensors;
    modules[kind.name] = {{"matrices", kind.tensors}, {"parameters", kind.parameters}};
    if (kind.rank)
      modules[kind.name]["rank"] = kind.rank;
  }
  document["matrices"] = tensors;
  document["parameters"] = parameters;
  document["modules"] = modules;
  document["choices"] = nlohmann::ordered_json::array();
  for (const Choice &choice : choices) {
    nlohmann::ordered_json memory;
    for (const Memory &part : choice.memory)
      memory[part.part] = part.bytes;
    document["choices"].push_back({{"name", choice.name},
                                   {"max_seq_length", choice.context},
                                   {"batch_size", choice.batch},
                                   {"memory", memory},
                                   {"memory_bytes", choice.bytes()},
                                   {"seconds_per_step", choice.stepSeconds},
                                   {"steps", choice.steps},
                                   {"seconds", choice.totalSeconds()}});
  }
  printJson(document);
}

} // namespace

absl::Status printTrainPlan(TrainingSetup &setup) {
  InterruptGuard guard;
  std::vector<Choice> choices = choicesOf(setup.config);
  std::vector<Kind> kinds;
  for (Choice &choice : choices) {
    if (absl::Status status = measure(setup, choice, kinds); !status.ok())
      return status;
    if (InterruptGuard::interrupted())
      return absl::CancelledError();
  }
  setup.options.json ? printDocument(setup, choices, kinds) : printText(setup, choices, kinds);
  return absl::OkStatus();
}

} // namespace llmc::cli
