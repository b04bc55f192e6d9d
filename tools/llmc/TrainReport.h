// What a training run has come to, for people and for programs.
#ifndef LLMC_TOOLS_LLMC_TRAINREPORT_H
#define LLMC_TOOLS_LLMC_TRAINREPORT_H

#include "frontends/lora/train/Trainer.h"
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

namespace llmc::cli {

// The likeliest continuation of a piece of the data, without the adapter and with it.
struct TrainSamples {
  std::string prompt, before, after;
};

// The table of losses and perplexities with what to make of it, and the samples.
std::string outcomeText(const lora::TrainOutcome &outcome, const lora::TrainConfig &config,
                        const std::optional<TrainSamples> &samples);
nlohmann::ordered_json outcomeJson(const lora::TrainOutcome &outcome,
                                   const lora::TrainConfig &config,
                                   const std::optional<TrainSamples> &samples);

} // namespace llmc::cli

#endif
