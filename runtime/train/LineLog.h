#ifndef LLMC_RUNTIME_TRAIN_LINELOG_H
#define LLMC_RUNTIME_TRAIN_LINELOG_H

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include <string>

namespace llmc {

/// A file to which lines are appended while a run goes on.
class LineLog {
public:
  /// Goes on with the file at `path`, of which the lines stay to which `keep` says yes; a line that
  /// was cut when a run was killed is shown to it as it is.
  static absl::StatusOr<LineLog> open(const std::string &path,
                                      absl::FunctionRef<bool(absl::string_view line)> keep);

  LineLog(LineLog &&other) noexcept;
  LineLog &operator=(LineLog &&other) noexcept;
  ~LineLog();

  /// Appends a line, given without its newline, in one write.
  absl::Status append(absl::string_view line);

private:
  LineLog() = default;

  std::string path_;
  int descriptor_ = -1;
};

} // namespace llmc

#endif // LLMC_RUNTIME_TRAIN_LINELOG_H
