// What a training run has come to, for people and for programs.
#ifndef LLMC_TOOLS_LLMC_TRAINREPORT_H
#define LLMC_TOOLS_LLMC_TRAINREPORT_H

#include "frontends/lora/train/Trainer.h"
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

namespace llmc::cli {

// The table of losses and perplexities with what to make of it, and the samples.
std::string outcomeText(const lora::TrainOutcome &outcome, const lora::TrainConfig &config,
                        const std::optional<lora::TextPair> &samples);
// The same for the report; `outcome` has losses.
lora::Comparison comparisonOf(const lora::TrainOutcome &outcome, const lora::TrainConfig &config);
nlohmann::ordered_json outcomeJson(const lora::TrainOutcome &outcome,
                                   const lora::TrainConfig &config,
                                   const std::optional<lora::TextPair> &samples);

} // namespace llmc::cli

#endif
