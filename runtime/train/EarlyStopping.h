#ifndef LLMC_RUNTIME_TRAIN_EARLYSTOPPING_H
#define LLMC_RUNTIME_TRAIN_EARLYSTOPPING_H

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include <cstdint>
#include <deque>
#include <limits>
#include <string>

namespace llmc {

struct EarlyStoppingOptions {
  int64_t patience = 0;   ///< losses without a new best; 0: off
  int64_t past = 0;       ///< steps back to the loss that is compared with; 0: off
  double delta = 1e-5;    ///< smaller changes, as a share of the loss, are none
  bool validates = false; ///< whether `patience` counts validations; else it counts steps
};

/// Decides when training does not get better any more.
class EarlyStopping {
public:
  explicit EarlyStopping(const EarlyStoppingOptions &options) : options_(options) {}

  /// Takes the loss of a step or of a validation. The reason to stop, in words, or nothing.
  std::string afterStep(double loss);
  std::string afterValidation(double loss);

  /// Exact: a restored object decides as the saved one would have.
  std::string state() const;
  /// InvalidArgument for a text that is no state.
  absl::Status restore(absl::string_view state);

private:
  std::string count(double loss, const char *what);

  EarlyStoppingOptions options_;
  double best_ = std::numeric_limits<double>::infinity();
  int64_t sinceBest_ = 0;
  std::deque<double> recent_; ///< the last `past` losses of steps
};

} // namespace llmc

#endif // LLMC_RUNTIME_TRAIN_EARLYSTOPPING_H
