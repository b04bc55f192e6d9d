// report.html: a run on one page.
#ifndef LLMC_FRONTENDS_LORA_REPORT_RUNREPORT_H
#define LLMC_FRONTENDS_LORA_REPORT_RUNREPORT_H

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "frontends/lora/config/TrainConfig.h"
#include "frontends/lora/data/DataLoader.h"
#include "runtime/train/MetricsLog.h"
#include "runtime/train/SampleLog.h"
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace llmc::lora {

// What the held-back data says of a run that is over. Losses are in nats per token, or of pairs of
// answers, where the config says that they are learned from.
struct Comparison {
  uint64_t count = 0; // tokens or pairs
  double lossBefore = 0, lossAfter = 0;
  double change = 0, error = 0; // of the loss, after minus before, and its standard error
  std::string verdict;          // a sentence
};

// What the model is likeliest to write, without what was trained and with it.
struct TextPair {
  std::string prompt, before, after;
};

// Where a run is. What it points to lives as long as the call that it is given to.
struct RunReport {
  const TrainConfig &config;
  const DataReport &data;
  std::span<const Metrics> metrics;
  std::span<const TextSample> samples;
  int64_t step = 0, totalSteps = 0;
  int64_t tokens = 0;       // learned in all
  double seconds = 0;       // of training
  std::string stopped = {}; // why it ended early; empty: it did not
  std::optional<Comparison> comparison = {};
  std::optional<TextPair> pair = {};
};

// The page. It needs no other file and no network; without its script, which draws the curves, all
// else is there. Texts of data, model and config are escaped.
std::string reportHtml(const RunReport &report);

// Writes it; the file is replaced as a whole.
absl::Status writeReport(absl::string_view path, const RunReport &report);

} // namespace llmc::lora

#endif
