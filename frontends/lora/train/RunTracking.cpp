#include "frontends/lora/train/RunTracking.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "runtime/train/LossPlot.h"
#include <algorithm>
#include <vector>

namespace llmc::lora {
namespace {

// As Hugging Face's Trainer calls a number in TensorBoard, so that runs of both can be laid over
// each other.
std::string tagOf(const std::string &key) {
  absl::string_view name = key;
  return absl::ConsumePrefix(&name, "eval_") ? absl::StrCat("eval/", name)
                                             : absl::StrCat("train/", name);
}

bool reportsTo(const TrainConfig &config, const char *where) {
  return std::ranges::find(config.reportTo, where) != config.reportTo.end();
}

// As code, so that nothing in it is taken for Markdown and its lines stay lines.
std::string markdownCode(absl::string_view text) {
  return absl::StrCat("    ", absl::StrReplaceAll(text, {{"\n", "\n    "}}));
}

} // namespace

absl::StatusOr<std::unique_ptr<RunTracking>>
RunTracking::open(const TrainConfig &config, const DataReport &data, int64_t step) {
  const OutputFolder output(config);
  absl::StatusOr<MetricsLog> metrics = MetricsLog::open(output.metricsPath(), step);
  if (!metrics.ok())
    return metrics.status();
  std::unique_ptr<RunTracking> tracking(new RunTracking(config, data, *std::move(metrics)));
  if (config.sampleSteps > 0) {
    absl::StatusOr<SampleLog> samples = SampleLog::open(output.samplesPath(), step);
    if (!samples.ok())
      return samples.status();
    tracking->samples_.emplace(*std::move(samples));
  }
  if (reportsTo(config, "tensorboard"))
    if (absl::Status status = tracking->openEvents(step); !status.ok())
      return status;
  return tracking;
}

absl::Status RunTracking::openEvents(int64_t step) {
  const std::string folder = output_.eventsPath();
  if (absl::Status status = makeDirectory(folder); !status.ok())
    return status;
  absl::StatusOr<EventFile> events = EventFile::create(folder, step + 1);
  if (!events.ok())
    return events.status();
  events_.emplace(*std::move(events));
  // A run that did not report here from its beginning.
  if (events_->isFirst() && !metrics().empty()) {
    const double end = wallTime() - metrics().back().seconds.value_or(0);
    for (const Metrics &line : metrics())
      if (absl::Status status = writeEvent(line, end + line.seconds.value_or(0)); !status.ok())
        return status;
  }
  return absl::OkStatus();
}

absl::Status RunTracking::writeEvent(const Metrics &metrics, double wallTime) {
  std::vector<EventFile::Scalar> scalars;
  forEachNumber(metrics, [&](const std::string &key, double value) {
    if (key != "seconds") // each event has its time
      scalars.push_back({tagOf(key), value});
  });
  return events_->scalars(metrics.step, wallTime, scalars);
}

absl::Status RunTracking::append(const Metrics &metrics) {
  if (absl::Status status = metrics_.append(metrics); !status.ok())
    return status;
  return events_ ? writeEvent(metrics, wallTime()) : absl::OkStatus();
}

absl::Status RunTracking::append(const TextSample &sample) {
  if (samples_)
    if (absl::Status status = samples_->append(sample); !status.ok())
      return status;
  if (!events_)
    return absl::OkStatus();
  const std::string text = absl::StrCat("Prompt:\n\n", markdownCode(sample.prompt),
                                        "\n\nContinuation:\n\n", markdownCode(sample.text), "\n");
  // One tag for each prompt, in the order in which they come.
  size_t number = 1;
  if (const auto found = std::ranges::find(config_.samplePrompts, sample.prompt);
      found != config_.samplePrompts.end())
    number += static_cast<size_t>(found - config_.samplePrompts.begin());
  return events_->text(sample.step, wallTime(), absl::StrCat("samples/prompt_", number), text);
}

absl::Status RunTracking::writePictures(const State &state) const {
  if (absl::Status status = writeLossPlot(output_.plotPath(), metrics(), config_.data);
      !status.ok())
    return status;
  if (!reportsTo(config_, "html"))
    return absl::OkStatus();
  return writeReport(output_.reportPath(),
                     {.config = config_,
                      .data = data_,
                      .metrics = metrics(),
                      .samples = samples_ ? samples_->samples() : std::span<const TextSample>(),
                      .step = state.step,
                      .totalSteps = state.totalSteps,
                      .tokens = state.tokens,
                      .seconds = state.seconds,
                      .stopped = state.stopped,
                      .comparison = state.comparison,
                      .pair = state.pair});
}

} // namespace llmc::lora
