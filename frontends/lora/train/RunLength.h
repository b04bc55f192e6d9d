// What follows from a config and its data before the first step: how many steps there are, and
// what each of them uses.
#ifndef LLMC_FRONTENDS_LORA_TRAIN_RUNLENGTH_H
#define LLMC_FRONTENDS_LORA_TRAIN_RUNLENGTH_H

#include "frontends/lora/config/TrainConfig.h"
#include "frontends/lora/data/Dataset.h"
#include "frontends/tokenizer/Tokenizer.h"
#include "runtime/train/AdamW.h"
#include "runtime/train/Schedule.h"
#include "runtime/train/TrainingModel.h"
#include <cstdint>
#include <vector>

namespace llmc::lora {

// Rows of a batch that an epoch of `data` fills: one for each sample, fewer where samples share
// rows (fill_with_next; then it is the first epoch's count).
uint64_t rowsPerEpoch(const TrainConfig &config, const Dataset &data, const Tokenizer &tokenizer);

// Steps of the optimizer: max_steps, or as many as the epochs need, at least 1.
int64_t stepsOf(const TrainConfig &config, const Dataset &data, const Tokenizer &tokenizer);

// The config's schedule over so many steps; warmup_ratio is rounded up to whole steps.
Schedule scheduleOf(const TrainConfig &config, int64_t steps);

AdamOptions adamOptionsOf(const TrainConfig &config);

// The model's tensors with what the config says of single ones: the learning rates of LoRA+ (Hayou
// et al. 2024), and f32 moments of token_embd and what is trained beside it, whose rows have a
// gradient only where their token is (as the paper of AdamKernels' blocks has it, section 2.3).
std::vector<TrainedTensor> trainedTensorsOf(const TrainConfig &config, TrainingModel &model);

// The config of one process that does in a step what `processes` do together.
TrainConfig together(TrainConfig config, int processes);

// What TrainingModel::addGradients() takes for batch `batch` (from 0) of step `step` (from 1):
// negative without dropout and noise.
int64_t stepSeed(const TrainConfig &config, int64_t step, int64_t batch);

} // namespace llmc::lora

#endif
