#include "tools/llmc/TrainReport.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "runtime/text/Utf8Stream.h"
#include "tools/llmc/TrainConsole.h"
#include <cmath>
#include <nlohmann/json.hpp>

namespace llmc::cli {
namespace {

// By how much the perplexity changed, in percent.
double perplexityChange(const lora::LossChange &change) {
  return 100 * (std::exp(-change.mean) - 1);
}

// What people call the state before, the state after, and what makes the difference.
struct Words {
  const char *before, *after, *thing;
};
Words wordsFor(const lora::TrainConfig &config) {
  if (config.fineTuneType == "full")
    return {"before training", "trained", "training"};
  return {"without adapter", "with adapter", "adapter"};
}

std::string verdict(const lora::LossChange &change, const lora::TrainConfig &config) {
  const char *thing = wordsFor(config).thing;
  const bool full = config.fineTuneType == "full";
  if (!change.measurable())
    return absl::StrFormat(
        "The %s changed nothing that can be measured: %.2g nats per token, which may be off "
        "by %.2g. More steps%s may.",
        thing, -change.mean, 2 * change.error,
        full ? " or a higher learning_rate" : ", a higher learning_rate or a higher lora.rank");
  if (change.mean < 0)
    return absl::StrFormat(
        "The %s predicts the held-back data worse than the model %s, perplexity "
        "%+.1f %%: it has learned the training data by heart, or learning_rate is too high.",
        full ? "trained model" : thing, full ? "did before" : "without it",
        perplexityChange(change));
  return absl::StrFormat("The %s lowers the perplexity of data that it was not trained on by "
                         "%.1f %%.",
                         thing, -perplexityChange(change));
}

// The same of pairs of answers.
std::string pairVerdict(const lora::TrainOutcome &outcome) {
  const lora::LossChange change = lora::lossChange(*outcome.before, *outcome.after);
  const lora::RewardSums &after = outcome.after->rewards;
  if (!change.measurable())
    return absl::StrFormat(
        "Nothing changed that can be measured: a loss of %+.2g per pair, which may be "
        "off by %.2g. More steps, more pairs or a higher learning_rate may.",
        -change.mean, 2 * change.error);
  if (change.mean < 0)
    return "The model tells the answers of held-back pairs apart worse than before: it has learned "
           "the training pairs by heart, or learning_rate is too high.";
  return absl::StrFormat(
      "Of pairs that it was not trained on, the model now prefers the chosen answer in %.1f %%; it "
      "is the likelier one in %.1f %%, which were %.1f %% before.",
      100 * after.accuracy(), 100 * after.likelierShare(),
      100 * outcome.before->rewards.likelierShare());
}

std::string pairTable(const lora::TrainOutcome &outcome, const Words &words) {
  const lora::LossChange change = lora::lossChange(*outcome.before, *outcome.after);
  std::string out = absl::StrFormat("%-18s %10s %12s %10s %10s\n", "held-back pairs", "loss",
                                    "margin", "accuracy", "likelier");
  for (auto [name, losses] :
       {std::pair(words.before, &*outcome.before), std::pair(words.after, &*outcome.after)}) {
    const lora::RewardSums &rewards = losses->rewards;
    // The reference has no preference of its own.
    const bool none = rewards.chosen == 0 && rewards.rejected == 0;
    absl::StrAppendFormat(&out, "%-18s %10.4f %12.4f %10s %8.1f %%\n", name, losses->mean(),
                          rewards.margin(),
                          none ? "-" : absl::StrFormat("%.1f %%", 100 * rewards.accuracy()),
                          100 * rewards.likelierShare());
  }
  absl::StrAppendFormat(&out, "%-18s %+10.4f   %d pairs, standard error %.4f\n", "change",
                        -change.mean, outcome.after->losses.size(), change.error);
  return out;
}

std::string table(const lora::TrainOutcome &outcome, const Words &words) {
  const lora::LossChange change = lora::lossChange(*outcome.before, *outcome.after);
  std::string out = absl::StrFormat("%-18s %10s %12s\n", "held-back data", "loss", "perplexity");
  for (auto [name, losses] :
       {std::pair(words.before, &*outcome.before), std::pair(words.after, &*outcome.after)})
    absl::StrAppendFormat(&out, "%-18s %10.4f %12.4f\n", name, losses->mean(),
                          losses->perplexity());
  absl::StrAppendFormat(&out, "%-18s %+10.4f %+10.1f %%   %d tokens, standard error %.4f\n",
                        "change", -change.mean, perplexityChange(change),
                        outcome.after->losses.size(), change.error);
  return out;
}

// What a model says that has learned nothing is bytes of any kind, those that move a terminal's
// cursor among them.
std::string readable(absl::string_view bytes) {
  Utf8Stream stream;
  const std::string text = stream.push(bytes) + stream.finish();
  std::string out;
  for (char c : text)
    if (c == '\n' || c == '\t' || !absl::ascii_iscntrl(static_cast<unsigned char>(c)))
      out += c;
    else
      out += "\xEF\xBF\xBD"; // U+FFFD
  return out;
}

std::string indented(absl::string_view text) {
  return absl::StrCat("  ", absl::StrReplaceAll(readable(text), {{"\n", "\n  "}}), "\n");
}

} // namespace

std::string outcomeText(const lora::TrainOutcome &outcome, const lora::TrainConfig &config,
                        const std::optional<lora::TextPair> &samples) {
  const Words words = wordsFor(config);
  std::string out =
      absl::StrFormat("%d steps, %d tokens learned in %s: %s\n", outcome.step, outcome.tokens,
                      durationText(outcome.seconds), lora::OutputFolder(config).resultPath());
  if (!outcome.stopped.empty())
    absl::StrAppend(&out, "Stopped early: ", outcome.stopped, "\n");
  if (!outcome.before)
    absl::StrAppend(&out, "No data is held back, so nobody knows what the ", words.thing,
                    " is worth; val_size: 0.05 would.\n");
  else if (outcome.after->rewards.pairs > 0)
    absl::StrAppend(&out, "\n", pairTable(outcome, words), "\n", pairVerdict(outcome), "\n");
  else
    absl::StrAppend(&out, "\n", table(outcome, words), "\n",
                    verdict(lora::lossChange(*outcome.before, *outcome.after), config), "\n");
  if (samples)
    absl::StrAppend(&out, "\nWhat is likeliest to follow\n", indented(samples->prompt),
                    words.before, ":\n", indented(samples->before), words.after, ":\n",
                    indented(samples->after));
  return out;
}

lora::Comparison comparisonOf(const lora::TrainOutcome &outcome, const lora::TrainConfig &config) {
  const lora::LossChange change = lora::lossChange(*outcome.before, *outcome.after);
  return {.count = outcome.after->losses.size(),
          .lossBefore = outcome.before->mean(),
          .lossAfter = outcome.after->mean(),
          .change = -change.mean,
          .error = change.error,
          .verdict =
              outcome.after->rewards.pairs > 0 ? pairVerdict(outcome) : verdict(change, config)};
}

nlohmann::ordered_json outcomeJson(const lora::TrainOutcome &outcome,
                                   const lora::TrainConfig &config,
                                   const std::optional<lora::TextPair> &samples) {
  nlohmann::ordered_json document{{"output_dir", config.outputDir},
                                  {config.fineTuneType == "full" ? "model" : "adapter",
                                   lora::OutputFolder(config).resultPath()},
                                  {"steps", outcome.step},
                                  {"total_steps", outcome.totalSteps},
                                  {"resumed_from", outcome.firstStep},
                                  {"tokens", outcome.tokens},
                                  {"seconds", outcome.seconds},
                                  {"interrupted", outcome.interrupted},
                                  {"stopped_early", outcome.stopped}};
  if (outcome.before) {
    const lora::LossChange change = lora::lossChange(*outcome.before, *outcome.after);
    const bool pairs = outcome.after->rewards.pairs > 0;
    document[pairs ? "eval_pairs" : "eval_tokens"] = outcome.after->losses.size();
    document["loss_before"] = outcome.before->mean();
    document["loss_after"] = outcome.after->mean();
    for (const auto &[when, losses] :
         {std::pair("before", &*outcome.before), std::pair("after", &*outcome.after)}) {
      if (!pairs) {
        document[absl::StrCat("ppl_", when)] = losses->perplexity();
        continue;
      }
      document[absl::StrCat("margin_", when)] = losses->rewards.margin();
      document[absl::StrCat("accuracy_", when)] = losses->rewards.accuracy();
      document[absl::StrCat("likelier_", when)] = losses->rewards.likelierShare();
    }
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
