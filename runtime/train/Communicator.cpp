#include "runtime/train/Communicator.h"

#include "absl/strings/numbers.h"
#include "runtime/core/Interrupt.h"

#include <chrono>
#include <cstdlib>
#include <thread>

namespace llmc {
namespace {

using Clock = std::chrono::steady_clock;

/// A sum of some kilobytes takes about as long.
constexpr std::chrono::microseconds kPause{50};

/// Open MPI asks the processes that are left to end, and ends them after so many seconds. One that
/// only waits says why it ends while it can.
double secondsToEnd() {
  const char *given = std::getenv("OMPI_MCA_odls_base_sigkill_timeout");
  double seconds = 1;
  if (given && !absl::SimpleAtod(given, &seconds))
    seconds = 1;
  return 0.7 * seconds;
}

} // namespace

absl::Status Communicator::wait() {
  Clock::time_point asked;
  while (true) {
    absl::StatusOr<bool> done = poll();
    if (!done.ok() || *done)
      return done.status();
    if (InterruptGuard::signal() == SIGTERM) {
      if (asked == Clock::time_point())
        asked = Clock::now();
      if (std::chrono::duration<double>(Clock::now() - asked).count() > secondsToEnd())
        return absl::UnavailableError("another process of the run has ended, so that it cannot go "
                                      "on; the last checkpoint is whole, and the same command goes "
                                      "on from there");
    }
    std::this_thread::sleep_for(kPause);
  }
}

absl::Status agree(Communicator &communicator, const absl::Status &status) {
  if (communicator.isAlone())
    return status;
  const double failed = status.ok() ? 0 : 1;
  double sums[] = {failed, communicator.isFirst() ? failed : 0};
  absl::Status sum = communicator.begin(std::span<double>(sums));
  if (sum.ok())
    sum = communicator.wait();
  if (!sum.ok())
    return status.ok() ? sum : status;
  // The first one tells what is wrong with all.
  const bool isTold = sums[1] > 0 && !communicator.isFirst();
  if (sums[0] == 0 || (!status.ok() && !isTold))
    return status;
  return absl::UnavailableError("another process of the run could not begin");
}

absl::Status checkSame(Communicator &communicator, uint64_t value, absl::string_view what) {
  if (communicator.isAlone())
    return absl::OkStatus();
  // Sums of integers of 32 bits are exact.
  const double own[] = {static_cast<double>(value >> 32), static_cast<double>(value & 0xffffffff)};
  double sums[] = {own[0], own[1]};
  absl::Status status = communicator.begin(std::span<double>(sums));
  if (status.ok())
    status = communicator.wait();
  if (!status.ok())
    return status;
  for (int i = 0; i < 2; ++i)
    if (sums[i] != own[i] * communicator.size())
      return absl::FailedPreconditionError(what);
  return absl::OkStatus();
}

} // namespace llmc
