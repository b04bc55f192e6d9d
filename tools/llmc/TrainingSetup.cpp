#include "tools/llmc/TrainingSetup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "compiler/Artifact/UserKey.h"
#include "compiler/Driver/Artifact.h"
#include "compiler/Driver/ModelLoader.h"
#include "compiler/Driver/TrainingLoader.h"
#include "frontends/lora/adapter/ModuleNames.h"
#include "frontends/lora/config/AdapterPlan.h"
#include "frontends/lora/train/AdapterParameters.h"
#include "frontends/lora/train/ModelWeights.h"
#include "frontends/lora/train/OutputFolder.h"
#include "frontends/tokenizer/GgufTokenizer.h"
#include "runtime/core/CpuCount.h"
#include "runtime/train/MpiCommunicator.h"
#include "tools/llmc/Commands.h"
#include "tools/llmc/Console.h"
#include "tools/llmc/TrainScratch.h"
#include <algorithm>
#include <fstream>

namespace llmc::cli {
namespace {

// Keys that are read and would train something else than was asked for.
absl::Status checkSupported(const lora::TrainConfig &config, absl::string_view file) {
  const std::pair<double, const char *> keys[] = {{config.ropeFreqBase, "rope_freq_base"},
                                                  {config.ropeFreqScale, "rope_freq_scale"},
                                                  {config.normRmsEps, "norm_rms_eps"}};
  for (auto [value, key] : keys)
    if (value != 0)
      return absl::UnimplementedError(
          absl::StrCat(file, ": ", key, ": cannot be changed yet; remove it, the model's is used"));
  if (config.compute == "int16")
    return absl::UnimplementedError(absl::StrCat(
        file, ": compute: int16 is not there yet; take auto, which is as exact where there is a "
              "matrix unit and f32 elsewhere"));
  if (config.useDora && config.sampleSteps > 0)
    return absl::UnimplementedError(absl::StrCat(
        file, ": lora.use_dora: does not go with sample_steps, because a DoRA adapter runs when "
              "'llmc export-lora' has merged it; remove one of them"));
  if (config.useDora && config.dropout > 0)
    return absl::UnimplementedError(absl::StrCat(
        file, ": lora.use_dora: does not go with lora.dropout yet; remove one of them"));
  if (config.fineTuneType == "full" && !config.adapterInit.empty())
    return absl::InvalidArgumentError(absl::StrCat(
        file, ": adapter_init: is of an adapter, and fine_tune_type: full trains none; "
              "merge it with 'llmc export-lora' and give the result as model"));
  return absl::OkStatus();
}

absl::Status checkModel(const gguf::GgufFile &file) {
  if (isArtifact(file))
    return absl::InvalidArgumentError(
        absl::StrCat(file.path(), ": is compiled already; give the GGUF that it was made from"));
  return absl::OkStatus();
}

// Not wrong, but perhaps not what was meant.
void noteSurprises(const TrainingSetup &setup) {
  const auto trained =
      setup.file->get<uint32_t>(absl::StrCat(setup.base.architecture(), ".context_length"));
  if (trained.ok() && setup.config.maxSeqLength > *trained)
    printNote(absl::StrCat("max_seq_length ", setup.config.maxSeqLength,
                           " is more than the model was made for (", *trained, ")"));
  std::vector<absl::string_view> absent;
  for (const std::string &target : setup.config.targetModules)
    if (setup.config.fineTuneType != "full" &&
        std::ranges::none_of(setup.plan.matrices, [&](const lora::AdapterMatrix &matrix) {
          return lora::placeOfGguf(matrix.weight)->module->gguf == target;
        }))
      absent.push_back(target);
  if (!absent.empty())
    printNote(absl::StrCat(setup.file->path(), " has no ", absl::StrJoin(absent, ", "),
                           "; only the other matrices get an adapter"));
}

} // namespace

absl::StatusOr<lora::TrainConfig> readConfig(const TrainOptions &options) {
  absl::StatusOr<lora::TrainConfig> config =
      options.config.empty() ? lora::parseConfig("", "", options.overrides)
                             : lora::loadConfig(options.config, options.overrides);
  if (config.ok() && options.scratch)
    config->fineTuneType = "full";
  if (config.ok() && !options.tokenizer.empty())
    config->tokenizerFile = options.tokenizer;
  return config;
}

absl::StatusOr<std::unique_ptr<TrainingSetup>> TrainingSetup::open(const TrainOptions &options) {
  if (absl::StatusOr<TargetDescription> target = describeTarget(options.model.targetCpu);
      !target.ok())
    return usageError(target.status().message());
  absl::StatusOr<lora::TrainConfig> config = readConfig(options);
  if (!config.ok())
    return config.status();
  if (absl::Status status = lora::OutputFolder(*config).checkInputs(); !status.ok())
    return absl::Status(status.code(), absl::StrCat(options.config, ": ", status.message()));
  std::shared_ptr<void> modelFolder;
  if (options.scratch) {
    absl::StatusOr<std::shared_ptr<void>> made = makeScratchModel(options, *config);
    if (!made.ok())
      return made.status();
    modelFolder = *std::move(made);
  }
  absl::Status status = lora::checkComplete(*config, options.config);
  if (status.ok())
    status = checkSupported(*config, options.config);
  if (!status.ok())
    return status;
  absl::StatusOr<std::shared_ptr<gguf::GgufFile>> file = gguf::GgufFile::open(config->model);
  if (!file.ok())
    return file.status();
  if (status = checkModel(**file); !status.ok())
    return status;
  absl::StatusOr<lora::BaseModel> base = lora::BaseModel::describe(**file);
  if (!base.ok())
    return base.status();
  absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = loadTokenizer(**file);
  if (!tokenizer.ok())
    return tokenizer.status();
  absl::StatusOr<lora::Adapter> plan = lora::Adapter();
  if (config->fineTuneType != "full")
    plan = lora::planAdapter(*config, *base);
  if (!plan.ok())
    return absl::Status(plan.status().code(),
                        absl::StrCat(options.config, ": ", plan.status().message()));
  // Better now than when the model is compiled.
  if (!config->adapterInit.empty())
    if (absl::StatusOr<lora::Adapter> first = lora::firstAdapter(*config, *plan, *base);
        !first.ok())
      return first.status();
  absl::StatusOr<lora::TrainingData> data =
      lora::loadData(*config, **tokenizer,
                     (*file)->get<absl::string_view>("tokenizer.chat_template").value_or(""));
  if (!data.ok())
    return data.status();
  unsigned threads =
      options.model.threads ? options.model.threads : static_cast<unsigned>(config->threads);
  // Processes that are not bound to CPUs of their own share all of them.
  if (threads == 0 && processesHere() > 1 && availableCpus() == std::thread::hardware_concurrency())
    threads = std::max(1u, ThreadTeam::defaultThreads() / processesHere());
  std::unique_ptr<TrainingSetup> setup(
      new TrainingSetup{options, std::move(modelFolder), *std::move(config), *std::move(file),
                        *std::move(base), *std::move(tokenizer), *std::move(plan), *std::move(data),
                        std::make_unique<ThreadTeam>(threads)});
  for (absl::string_view line : absl::StrSplit(setup->data.report.text(), '\n', absl::SkipEmpty()))
    printNote(line);
  noteSurprises(*setup);
  return setup;
}

absl::StatusOr<std::unique_ptr<TrainingModel>> TrainingSetup::loadModel(int64_t sequence,
                                                                        int64_t samples) {
  TrainingLoadOptions load;
  load.import.sequence = sequence;
  load.import.full = isFull();
  load.import.dropout = isFull() ? 0 : static_cast<float>(config.dropout);
  load.import.embeddingNoise = static_cast<float>(config.neftuneNoiseAlpha);
  for (const lora::AdapterMatrix &matrix : plan.matrices)
    load.import.adapters.push_back({matrix.weight, static_cast<int64_t>(matrix.rank),
                                    static_cast<float>(matrix.scale()), matrix.dora});
  load.batch = samples * static_cast<int64_t>(lora::sequencesPerSample(config));
  Progress progress("packing weights");
  load.progress = [&](double share) { progress.show(share); };
  load.compile.targetCpu = options.model.targetCpu;
  if (!options.model.noObjectCache) {
    load.compile.cacheDirectory = defaultCacheDirectory();
    load.compile.keyPath = userKeyPath();
  }
  PhaseOptions &phases = load.compile.phases;
  phases.gradientCheckpointing = config.gradientCheckpointing;
  phases.memoryBudget = config.memoryBudget;
  if (config.compute == "f32")
    phases.compute = PhaseOptions::Compute::F32;
  return loadTraining(file, *team, load);
}

absl::StatusOr<std::unique_ptr<lora::TrainableParameters>>
TrainingSetup::parametersOf(TrainingModel &model) {
  if (isFull())
    return lora::ModelWeights::create(*file, model, *team,
                                      options.scratch ? absl::AsciiStrToUpper(config.outputType)
                                                      : std::string("COPY"));
  // Not before there is something to tell: a resumed run decomposes nothing.
  auto progress = std::make_shared<std::optional<Progress>>();
  const auto tell = [progress](double share) {
    if (!*progress)
      progress->emplace("singular values of weights");
    (*progress)->show(share);
    if (share >= 1)
      progress->reset();
  };
  return lora::AdapterParameters::create(config, base, file.get(), plan, model, tell);
}

uint64_t anonymousMemory() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    absl::string_view rest(line);
    uint64_t kilobytes;
    if (absl::ConsumePrefix(&rest, "RssAnon:") && absl::ConsumeSuffix(&rest, " kB") &&
        absl::SimpleAtoi(rest, &kilobytes))
      return kilobytes * 1024;
  }
  return 0;
}

} // namespace llmc::cli
