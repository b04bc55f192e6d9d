// The config of `llmc train`, as read from YAML. What each member means, its range and its default
// are in the table of ConfigKeys.cpp; a default-constructed one has no values yet.
#ifndef LLMC_FRONTENDS_LORA_CONFIG_TRAINCONFIG_H
#define LLMC_FRONTENDS_LORA_CONFIG_TRAINCONFIG_H

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "frontends/lora/config/ScratchConfig.h"
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace llmc::lora {

// Modules ("attn_q", "blk.3.ffn_up") and what they get instead of the default, in the file's order.
using ModuleValues = std::vector<std::pair<std::string, double>>;

struct TrainConfig : ScratchConfig {
  std::string model, data, validationData, outputDir, adapterInit, fineTuneType;

  std::string trainMode; // "sft", "dpo" or "orpo"
  double beta;
  std::string dpoLossType;
  double labelSmoothing;

  int64_t rank;
  double alpha; // never 0 after parsing: "auto" and `scale` are resolved
  double scale; // 0: not given
  double dropout;
  std::vector<std::string> targetModules; // GGUF's names: "attn_q", ...
  ModuleValues rankPattern, alphaPattern;
  bool useRslora, useDora;
  std::string loraInit; // "default", "pissa" or "pissa_niter_N"
  double loraPlusRatio; // learning rate of B, in times of that of A
  int64_t numLayers;    // 0: all

  double neftuneNoiseAlpha;

  int64_t maxSeqLength, batchSize, accumulationSteps;
  double epochs;
  int64_t maxSteps; // 0: by epochs

  double learningRate, minLearningRate, minLrRatio;
  std::string lrScheduler;
  int64_t warmupSteps;
  double warmupRatio;
  int64_t lrDecaySteps; // 0: to the end of training
  double lrRestartGrowth;
  int64_t lrCycles;

  std::string optimizer;
  double adamBeta1, adamBeta2, adamEpsilon, weightDecay;
  double maxGradNorm; // 0: none

  bool gradientCheckpointing;
  int64_t memoryBudget; // bytes; 0: auto
  std::string compute;
  int64_t threads; // 0: auto

  int64_t saveSteps, saveTotalLimit; // 0: never; all
  std::string resume;                // "auto", "none" or a path
  int64_t evalSteps, evalBatches;    // 0: at the end only; all
  double valSize;                    // below 1 a share, else a number of samples
  int64_t loggingSteps;
  std::vector<std::string> reportTo;      // of "tensorboard" and "html"
  std::string loggingDir;                 // empty: output_dir/runs
  std::vector<std::string> samplePrompts; // empty with sampleSteps: the start of a sample
  int64_t sampleSteps, sampleTokens;      // 0: never
  int64_t patience, past;
  double earlyStoppingDelta;
  int64_t seed;

  std::string sampleStart;
  bool includeSampleStart, overlapping, fillWithNext, separateWithBos, separateWithEos;
  bool maskPrompt, addEos, shuffle, forceReshuffle;
  std::string longSamples, chatTemplate;

  double ropeFreqBase, ropeFreqScale, normRmsEps; // 0: the model's

  std::string dumpBatches;
  std::vector<int64_t> dumpGradients;
};

// Whether samples are pairs of answers, of which one is better.
inline bool learnsPreferences(const TrainConfig &config) { return config.trainMode != "sft"; }
inline uint64_t sequencesPerSample(const TrainConfig &config) {
  return learnsPreferences(config) ? 2 : 1;
}

// Whether an adapter begins as the principal part of its weight, and with how many iterations of a
// randomized decomposition; 0: those of llmc's choice.
inline bool isPissa(const TrainConfig &config) { return config.loraInit != "default"; }
int pissaIterations(const TrainConfig &config);

// Every default.
TrainConfig defaultConfig();

// Parses YAML over the defaults, then `overrides` ("lora.rank=8") over that. Errors are one line:
// "FILE:LINE: KEY: what is wrong; what to do", "--set KEY=VALUE: ..." for an override. An unknown
// key is an error that names the nearest known one; so is a key that is there twice.
absl::StatusOr<TrainConfig> parseConfig(absl::string_view yaml, absl::string_view file,
                                        std::span<const std::string> overrides = {});
// The same from a file.
absl::StatusOr<TrainConfig> loadConfig(const std::string &path,
                                       std::span<const std::string> overrides = {});

// Fails when `model` or `data` is not given. parseConfig() does not, so that defaults can be
// printed.
absl::Status checkComplete(const TrainConfig &config, absl::string_view file);

// All keys as YAML that parseConfig() reads back to the same values, each with its meaning.
std::string printConfig(const TrainConfig &config);

// The keys that a resumed run must have as the first one had, "KEY: VALUE" a line: for checkpoints.
std::string fixedConfig(const TrainConfig &config);
// All keys that processes of one run must have alike, in the same form.
std::string sharedConfig(const TrainConfig &config);
// What differs between fixedConfig() of a checkpoint and this config: "lora.rank was 8 and is 4";
// empty when nothing does.
std::vector<std::string> configDifferences(absl::string_view fixed, const TrainConfig &config);

} // namespace llmc::lora

#endif
