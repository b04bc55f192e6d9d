#include "tools/llmc/TrainReport.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "tools/llmc/TrainConsole.h"
#include <cmath>
#include <nlohmann/json.hpp>

namespace llmc::cli {
namespace {

// By how much the perplexity changed, in percent.
double perplexityChange(const lora::LossChange &change) {
  return 100 * (std::exp(-change.mean) - 1);
}

std::string verdict(const lora::LossChange &change) {
  if (!change.measurable())
    return absl::StrFormat(
        "The adapter changed nothing that can be measured: %.2g nats per token, which may be off "
        "by %.2g. More steps, a higher learning_rate or a higher lora.rank may.\n",
        -change.mean, 2 * change.error);
  if (change.mean < 0)
    return absl::StrFormat(
        "The adapter predicts the held-back data worse than the model without it, perplexity "
        "%+.1f %%: it has learned the training data by heart, or learning_rate is too high.\n",
        perplexityChange(change));
  return absl::StrFormat("The adapter lowers the perplexity of data that it was not trained on by "
                         "%.1f %%.\n",
                         -perplexityChange(change));
}

std::string table(const lora::TrainOutcome &outcome) {
  const lora::LossChange change = lora::lossChange(*outcome.before, *outcome.after);
  std::string out = absl::StrFormat("%-18s %10s %12s\n", "held-back data", "loss", "perplexity");
  for (auto [name, losses] :
       {std::pair("without adapter", &*outcome.before), std::pair("with adapter", &*outcome.after)})
    absl::StrAppendFormat(&out, "%-18s %10.4f %12.4f\n", name, losses->mean(),
                          losses->perplexity());
  absl::StrAppendFormat(&out, "%-18s %+10.4f %+10.1f %%   %d tokens, standard error %.4f\n",
                        "change", -change.mean, perplexityChange(change),
                        outcome.after->losses.size(), change.error);
  return out;
}

std::string indented(absl::string_view text) {
  return absl::StrCat("  ", absl::StrReplaceAll(text, {{"\n", "\n  "}}), "\n");
}

} // namespace

std::string outcomeText(const lora::TrainOutcome &outcome, const lora::TrainConfig &config,
                        const std::optional<TrainSamples> &samples) {
  std::string out =
      absl::StrFormat("%d steps, %d tokens learned in %s: %s\n", outcome.step, outcome.tokens,
                      durationText(outcome.seconds), lora::OutputFolder(config).adapterPath());
  if (!outcome.stopped.empty())
    absl::StrAppend(&out, "Stopped early: ", outcome.stopped, "\n");
  if (!outcome.before)
    absl::StrAppend(&out, "No data is held back, so nobody knows what the adapter is worth; "
                          "val_size: 0.05 would.\n");
  else
    absl::StrAppend(&out, "\n", table(outcome), "\n",
                    verdict(lora::lossChange(*outcome.before, *outcome.after)));
  if (samples)
    absl::StrAppend(&out, "\nWhat is likeliest to follow\n", indented(samples->prompt),
                    "without adapter:\n", indented(samples->before), "with adapter:\n",
                    indented(samples->after));
  return out;
}

nlohmann::ordered_json outcomeJson(const lora::TrainOutcome &outcome,
                                   const lora::TrainConfig &config,
                                   const std::optional<TrainSamples> &samples) {
  nlohmann::ordered_json document{{"output_dir", config.outputDir},
                                  {"adapter", lora::OutputFolder(config).adapterPath()},
                                  {"steps", outcome.step},
                                  {"total_steps", outcome.totalSteps},
                                  {"resumed_from", outcome.firstStep},
                                  {"tokens", outcome.tokens},
                                  {"seconds", outcome.seconds},
                                  {"interrupted", outcome.interrupted},
                                  {"stopped_early", outcome.stopped}};
  if (outcome.before) {
    const lora::LossChange change = lora::lossChange(*outcome.before, *outcome.after);
    document["eval_tokens"] = outcome.after->losses.size();
    document["loss_before"] = outcome.before->mean();
    document["loss_after"] = outcome.after->mean();
    document["ppl_before"] = outcome.before->perplexity();
    document["ppl_after"] = outcome.after->perplexity();
    document["loss_change"] = -change.mean;
    document["loss_change_stderr"] = change.error;
    document["measurable"] = change.measurable();
  }
  if (samples)
    document["sample"] = {
        {"prompt", samples->prompt}, {"before", samples->before}, {"after", samples->after}};
  return document;
}

} // namespace llmc::cli
