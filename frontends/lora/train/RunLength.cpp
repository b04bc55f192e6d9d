#include "frontends/lora/train/RunLength.h"
#include "absl/strings/match.h"
#include "frontends/lora/data/Batches.h"
#include "runtime/train/Random.h"
#include <algorithm>
#include <cmath>

namespace llmc::lora {
namespace {

constexpr double kMostSteps = 1e12; // as max_steps has it
constexpr absl::string_view kDropoutStream = "dropout";

} // namespace

uint64_t rowsPerEpoch(const TrainConfig &config, const Dataset &data, const Tokenizer &tokenizer) {
  if (!config.fillWithNext)
    return data.size();
  BatchSource source(data, config, tokenizer);
  uint64_t rows = 0;
  for (Batch batch; source.epoch() == 0; rows += batch.rows)
    source.next(batch);
  return rows;
}

int64_t stepsOf(const TrainConfig &config, const Dataset &data, const Tokenizer &tokenizer) {
  if (config.maxSteps > 0)
    return config.maxSteps;
  const double rows = static_cast<double>(rowsPerEpoch(config, data, tokenizer)) * config.epochs;
  const double perStep =
      static_cast<double>(config.batchSize) * static_cast<double>(config.accumulationSteps);
  return static_cast<int64_t>(std::clamp(std::ceil(rows / perStep), 1.0, kMostSteps));
}

Schedule scheduleOf(const TrainConfig &config, int64_t steps) {
  Schedule schedule;
  schedule.kind = findScheduleKind(config.lrScheduler).value_or(ScheduleKind::Constant);
  schedule.learningRate = config.learningRate;
  schedule.minLearningRate = config.minLearningRate;
  schedule.minRatio = config.minLrRatio;
  schedule.warmupSteps =
      config.warmupSteps > 0
          ? config.warmupSteps
          : static_cast<int64_t>(std::ceil(config.warmupRatio * static_cast<double>(steps)));
  schedule.totalSteps = steps;
  schedule.decaySteps = config.lrDecaySteps;
  schedule.cycles = config.lrCycles;
  schedule.restartGrowth = config.lrRestartGrowth;
  return schedule;
}

AdamOptions adamOptionsOf(const TrainConfig &config) {
  return {.beta1 = config.adamBeta1,
          .beta2 = config.adamBeta2,
          .epsilon = config.adamEpsilon,
          .weightDecay = config.weightDecay,
          .maxNorm = config.maxGradNorm,
          .moments = config.optimizer == "adamw_8bit" ? MomentFormat::Blocks8 : MomentFormat::F32};
}

std::vector<TrainedTensor> trainedTensorsOf(const TrainConfig &config, TrainingModel &model) {
  std::vector<TrainedTensor> tensors = model.tensors();
  for (TrainedTensor &tensor : tensors) {
    const bool lookup = absl::StartsWith(tensor.name, "token_embd.");
    tensor.f32Moments = lookup;
    // What LoRA+ says of A and B is of the two in a product.
    if (!lookup && absl::EndsWith(tensor.name, ".lora_b"))
      tensor.learningRateFactor = config.loraPlusRatio;
  }
  return tensors;
}

TrainConfig together(TrainConfig config, int processes) {
  config.batchSize *= processes;
  return config;
}

int64_t stepSeed(const TrainConfig &config, int64_t step, int64_t batch) {
  if (config.dropout == 0 && config.neftuneNoiseAlpha == 0)
    return -1;
  Random random(mixBits(static_cast<uint64_t>(config.seed)) + static_cast<uint64_t>(step),
                kDropoutStream);
  const uint64_t seed = mixBits(random.next() + static_cast<uint64_t>(batch));
  return static_cast<int64_t>(seed >> 1);
}

} // namespace llmc::lora
