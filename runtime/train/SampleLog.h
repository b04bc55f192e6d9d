#ifndef LLMC_RUNTIME_TRAIN_SAMPLELOG_H
#define LLMC_RUNTIME_TRAIN_SAMPLELOG_H

#include "runtime/train/LineLog.h"

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace llmc {

/// What a model wrote in the course of its training; a line of samples.jsonl: {"step","prompt",
/// "text"}.
struct TextSample {
  int64_t step = 0;         ///< that were over; 0: before the first
  std::string prompt, text; ///< UTF-8
};

/// The samples of a run, one JSON object a line.
class SampleLog {
public:
  /// Goes on with the file at `path` as MetricsLog::open() does.
  static absl::StatusOr<SampleLog> open(const std::string &path, int64_t step);

  absl::Status append(const TextSample &sample);
  /// All samples, those of earlier runs included.
  std::span<const TextSample> samples() const { return samples_; }

private:
  SampleLog(LineLog file, std::vector<TextSample> samples)
      : file_(std::move(file)), samples_(std::move(samples)) {}

  LineLog file_;
  std::vector<TextSample> samples_;
};

} // namespace llmc

#endif // LLMC_RUNTIME_TRAIN_SAMPLELOG_H
