#include "tools/llmc/TrainPlan.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "frontends/lora/train/ModelAdapter.h"
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
  const int64_t rows = choice.context * choice.batch;
  const std::vector<int32_t> inputs = someTokens(setup.data, rows);
  std::vector<int32_t> targets(inputs.begin() + 1, inputs.end());
  targets.push_back(inputs[0]);
  double seconds = 0;
  for (int attempt = 0; attempt < 2 && (attempt == 0 || seconds < kShortSeconds); ++attempt) {
    const Clock::time_point start = Clock::now();
    absl::StatusOr<std::span<const float>> losses =
        model.addGradients(inputs, targets, lora::dropoutSeed(setup.config, 1, 0));
    if (!losses.ok())
      return losses.status();
    const double batch = secondsSince(start);
    const Clock::time_point update = Clock::now();
    optimizer.step(setup.config.learningRate, 1 / static_cast<double>(rows), *setup.team);
    seconds = batch * static_cast<double>(setup.config.accumulationSteps) + secondsSince(update);
  }
  return seconds;
}

absl::Status measure(TrainingSetup &setup, Choice &choice) {
  lora::TrainConfig config = setup.config;
  config.maxSeqLength = choice.context;
  config.batchSize = choice.batch;
  choice.steps = lora::stepsOf(config, setup.data.train, *setup.tokenizer);
  absl::StatusOr<std::unique_ptr<TrainingModel>> model =
      setup.loadModel(choice.context, choice.batch);
  if (!model.ok())
    return model.status();
  absl::StatusOr<lora::ModelAdapter> adapter = lora::ModelAdapter::create(setup.plan, **model);
  absl::StatusOr<lora::Adapter> first = lora::firstAdapter(setup.config, setup.plan, setup.base);
  for (const absl::Status &status : {adapter.status(), first.status()})
    if (!status.ok())
      return status;
  adapter->store(*first);
  AdamW optimizer(lora::trainedTensorsOf(setup.config, **model), lora::adamOptionsOf(setup.config));
  absl::StatusOr<double> seconds = timeStep(setup, choice, **model, optimizer);
  if (!seconds.ok())
    return seconds.status();
  choice.stepSeconds = *seconds;
  choice.memory = (*model)->memory();
  const uint64_t values = adapter->parameters() * sizeof(float);
  choice.memory.push_back({"optimizer", optimizer.momentBytes()});
  // The adapter in the order of files and as their bytes, while they are written.
  choice.memory.push_back({"saving", 2 * values});
  return absl::OkStatus();
}

// Matrices and parameters by the kind of weight they are on.
struct Kind {
  uint64_t matrices = 0, parameters = 0, rank = 0;
};
std::vector<std::pair<std::string, Kind>> kindsOf(const lora::Adapter &plan) {
  std::vector<std::pair<std::string, Kind>> kinds;
  for (const lora::AdapterMatrix &matrix : plan.matrices) {
    // "blk.3.attn_q.weight": what is between the last two dots.
    std::string name = matrix.weight.substr(0, matrix.weight.rfind('.'));
    name = name.substr(name.rfind('.') + 1);
    auto kind = std::ranges::find(kinds, name, &std::pair<std::string, Kind>::first);
    if (kind == kinds.end())
      kind = kinds.insert(kinds.end(), {name, {}});
    ++kind->second.matrices;
    kind->second.rank = std::max(kind->second.rank, matrix.rank);
    kind->second.parameters += matrix.rank * (matrix.inputs + matrix.outputs);
  }
  return kinds;
}

void printText(const TrainingSetup &setup, const std::vector<Choice> &choices) {
  std::string out =
      absl::StrFormat("%-14s %9s %6s %12s\n", "adapted", "matrices", "rank", "parameters");
  Kind all;
  for (const auto &[name, kind] : kindsOf(setup.plan)) {
    absl::StrAppendFormat(&out, "%-14s %9d %6d %12d\n", name, kind.matrices, kind.rank,
                          kind.parameters);
    all.matrices += kind.matrices;
    all.parameters += kind.parameters;
  }
  absl::StrAppendFormat(&out, "%-14s %9d %6s %12d\n\n", "all", all.matrices, "", all.parameters);

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

void printDocument(const TrainingSetup &setup, const std::vector<Choice> &choices) {
  nlohmann::ordered_json document{{"model", setup.config.model},
                                  {"model_bytes", setup.file->fileBytes()},
                                  {"threads", setup.team->threads()},
                                  {"matrices", setup.plan.matrices.size()}};
  uint64_t parameters = 0;
  nlohmann::ordered_json modules;
  for (const auto &[name, kind] : kindsOf(setup.plan)) {
    parameters += kind.parameters;
    modules[name] = {
        {"matrices", kind.matrices}, {"rank", kind.rank}, {"parameters", kind.parameters}};
  }
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
  for (Choice &choice : choices) {
    if (absl::Status status = measure(setup, choice); !status.ok())
      return status;
    if (InterruptGuard::interrupted())
      return absl::CancelledError();
  }
  setup.options.json ? printDocument(setup, choices) : printText(setup, choices);
  return absl::OkStatus();
}

} // namespace llmc::cli
