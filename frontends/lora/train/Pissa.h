// lora.init: pissa. An adapter begins as the principal part of the weight that it adapts (Meng et al.
// 2024, "PiSSA: Principal Singular Values and Singular Vectors Adaptation of Large Language Models").
//
// The base stays as its file has it, quantized. Instead of y = (W - s B0 A0) x + s B (A x) the model
// computes y = W x + s (B A - B0 A0) x, which is the same: an adapter of twice the rank, [B, -B0]
// and [A; A0], of which the second half is frozen. That is also how PEFT writes one for the base
// (path_initial_model_for_weight_conversion), so that the result loads wherever LoRA does.
#ifndef LLMC_FRONTENDS_LORA_TRAIN_PISSA_H
#define LLMC_FRONTENDS_LORA_TRAIN_PISSA_H

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "frontends/gguf/file/GgufFile.h"
#include "frontends/lora/adapter/Adapter.h"
#include "frontends/lora/config/TrainConfig.h"
#include "runtime/train/TrainingModel.h"
#include <vector>

namespace llmc::lora {

// Fills in the values of `adapter`, a plan of doubled ranks, from the weights in `file`, one at a
// time; `progress` is told the share that is done. Errors name the file and the weight.
absl::Status initializePissa(const TrainConfig &config, const gguf::GgufFile &file,
                             Adapter &adapter, absl::FunctionRef<void(double)> progress);

// The half of each pair of matrices that stays as it is.
class FrozenHalves {
public:
  // `plan` has doubled ranks; its matrices are the parameters of `model`, which lives at least as
  // long.
  FrozenHalves(const Adapter &plan, TrainingModel &model);

  // Before an update: takes the derivatives by the frozen halves away, and notes their values.
  void hold();
  // After it: puts the values back, which the decay of weights may have changed.
  void restore();

private:
  struct Part {
    TrainedTensor tensor;
    std::vector<uint32_t> places;
    std::vector<float> values;
  };
  std::vector<Part> parts_;
};

} // namespace llmc::lora

#endif
