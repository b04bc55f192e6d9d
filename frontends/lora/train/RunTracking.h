// What is kept of a run while it goes on, and how it is shown.
#ifndef LLMC_FRONTENDS_LORA_TRAIN_RUNTRACKING_H
#define LLMC_FRONTENDS_LORA_TRAIN_RUNTRACKING_H

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "frontends/lora/config/TrainConfig.h"
#include "frontends/lora/report/RunReport.h"
#include "frontends/lora/train/OutputFolder.h"
#include "runtime/train/EventFile.h"
#include "runtime/train/MetricsLog.h"
#include "runtime/train/SampleLog.h"
#include <memory>
#include <optional>
#include <span>

namespace llmc::lora {

// metrics.jsonl, with config.sampleSteps samples.jsonl, and what config.reportTo names: TensorBoard
// event files and report.html.
class RunTracking {
public:
  // Goes on after step `step`: what the files say of later steps is removed, or made void where
  // they are TensorBoard's. `config` and `data` live at least as long.
  static absl::StatusOr<std::unique_ptr<RunTracking>> open(const TrainConfig &config,
                                                           const DataReport &data, int64_t step);

  absl::Status append(const Metrics &metrics);
  absl::Status append(const TextSample &sample);
  std::span<const Metrics> metrics() const { return metrics_.lines(); }

  // Where the run is: RunReport's members of the same names.
  struct State {
    int64_t step = 0, totalSteps = 0, tokens = 0;
    double seconds = 0;
    std::string stopped = {};
    std::optional<Comparison> comparison = {};
    std::optional<TextPair> pair = {};
  };
  // loss.svg and report.html, each replaced as a whole.
  absl::Status writePictures(const State &state) const;

private:
  RunTracking(const TrainConfig &config, const DataReport &data, MetricsLog metrics)
      : config_(config), data_(data), output_(config), metrics_(std::move(metrics)) {}

  absl::Status openEvents(int64_t step);
  absl::Status writeEvent(const Metrics &metrics, double wallTime);

  const TrainConfig &config_;
  const DataReport &data_;
  OutputFolder output_;
  MetricsLog metrics_;
  std::optional<SampleLog> samples_;
  std::optional<EventFile> events_;
};

} // namespace llmc::lora

#endif
