#ifndef LLMC_RUNTIME_TRAIN_COMMUNICATOR_H
#define LLMC_RUNTIME_TRAIN_COMMUNICATOR_H

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include <cstdint>
#include <memory>
#include <span>

namespace llmc {

/// The processes that train together, each with its own part of every batch. This one is a process
/// alone, whose sums over all processes are what they were; MpiCommunicator.h has others.
///
/// All processes begin the same sums in the same order. One thread at a time may call.
class Communicator {
public:
  virtual ~Communicator() = default;

  virtual int rank() const { return 0; } ///< of this process, from 0
  virtual int size() const { return 1; }
  bool isFirst() const { return rank() == 0; } ///< who writes files and tells how it goes
  bool isAlone() const { return size() == 1; }

  /// Begins to replace each number by its sum over all processes, which is the same bits in all of
  /// them. The memory must stay until poll() or wait() says that it is done.
  virtual absl::Status begin(std::span<float>) { return absl::OkStatus(); }
  virtual absl::Status begin(std::span<double>) { return absl::OkStatus(); }
  /// Whether all that was begun is done; sums also advance while it is called.
  virtual absl::StatusOr<bool> poll() { return true; }
  /// Until all that was begun is done. Unavailable when a signal asks to end and the other
  /// processes do not come any more.
  absl::Status wait();

  /// No sums are begun after it; other processes may go on to call it. A process that ends without
  /// it ends all.
  virtual absl::Status close() { return absl::OkStatus(); }
};

/// Whether all may go on: `status` of this process, or Unavailable where another has an error to
/// tell.
absl::Status agree(Communicator &communicator, const absl::Status &status);

/// FailedPrecondition with `what` where `value` is not the same in all processes; in some of them
/// only.
absl::Status checkSame(Communicator &communicator, uint64_t value, absl::string_view what);

} // namespace llmc

#endif // LLMC_RUNTIME_TRAIN_COMMUNICATOR_H
