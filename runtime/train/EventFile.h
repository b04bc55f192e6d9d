#ifndef LLMC_RUNTIME_TRAIN_EVENTFILE_H
#define LLMC_RUNTIME_TRAIN_EVENTFILE_H

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include <cstdint>
#include <span>
#include <string>

namespace llmc {

/// An event file as TensorBoard reads them, events.out.tfevents.SECONDS.HOST.PROCESS: records of
/// TFRecord (length u64, its masked CRC-32C, bytes, theirs; little-endian), each a protocol buffer
/// `Event` of tensorflow/core/util/event.proto. A folder may have several, which are one run's; its
/// order is that of their names. Each call is one write, so that a run that is killed leaves at
/// most its last record cut, which readers take for one that is still being written.
class EventFile {
public:
  struct Scalar {
    std::string tag;
    double value; ///< written as a float
  };

  /// Starts a file in `folder`, which is there, after those that it has. It begins with
  /// Event.file_version and a SessionLog START: readers forget what older files say of steps from
  /// `firstStep` on, which are done again.
  static absl::StatusOr<EventFile> create(const std::string &folder, int64_t firstStep);

  EventFile(EventFile &&other) noexcept;
  EventFile &operator=(EventFile &&other) noexcept;
  ~EventFile();

  /// Whether `folder` had no other.
  bool isFirst() const { return isFirst_; }
  const std::string &path() const { return path_; }

  /// `wallTime` is in seconds since 1970.
  absl::Status scalars(int64_t step, double wallTime, std::span<const Scalar> scalars);
  /// A text in Markdown, for TensorBoard's text plugin. Bytes that are not UTF-8 make it unreadable
  /// there.
  absl::Status text(int64_t step, double wallTime, absl::string_view tag,
                    absl::string_view markdown);

private:
  EventFile() = default;
  absl::Status append(std::span<const std::string> events);

  std::string path_;
  int descriptor_ = -1;
  bool isFirst_ = true;
};

/// Seconds since 1970.
double wallTime();

} // namespace llmc

#endif // LLMC_RUNTIME_TRAIN_EVENTFILE_H
