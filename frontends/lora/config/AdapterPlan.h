// Which weights a config adapts, and the adapter that training starts from.
#ifndef LLMC_FRONTENDS_LORA_CONFIG_ADAPTERPLAN_H
#define LLMC_FRONTENDS_LORA_CONFIG_ADAPTERPLAN_H

#include "absl/status/statusor.h"
#include "frontends/lora/adapter/Adapter.h"
#include "frontends/lora/adapter/BaseModel.h"
#include "frontends/lora/config/TrainConfig.h"

namespace llmc::lora {

// The adapter's matrices in the order of the base, with ranks and alphas (rsLoRA folded in) and
// without values: a and b are empty. With lora.init: pissa ranks and alphas are doubled. Errors
// name the key: a module that the base does not have (a tied model's output), a pattern that fits
// nothing, an architecture whose modules are not known.
absl::StatusOr<Adapter> planAdapter(const TrainConfig &config, const BaseModel &base);

// Fills in first values: A uniform in +-1/sqrt(inputs) (PyTorch's Kaiming-uniform with a = sqrt(5),
// as PEFT has it) and B zero; of a table A zero and B normal. They depend on the seed and on each
// weight's name only.
void initializeAdapter(Adapter &adapter, uint64_t seed);

} // namespace llmc::lora

#endif
