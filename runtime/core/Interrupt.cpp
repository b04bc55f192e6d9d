#include "runtime/core/Interrupt.h"

#include "runtime/core/Leftover.h"

#include <atomic>

namespace llmc {
namespace {

std::atomic<bool> flag{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may not take a lock");

void onInterrupt(int signal) {
  if (!flag.exchange(true))
    return;
  removeLeftovers();
  // Dying of the signal itself, not of an exit code, also stops a shell loop around the program.
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

} // namespace

InterruptGuard::InterruptGuard() {
  clear();
  sigaction(SIGINT, nullptr, &previous_);
  if (previous_.sa_handler == SIG_IGN)
    return;
  struct sigaction action = {};
  action.sa_handler = onInterrupt;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
}

InterruptGuard::~InterruptGuard() { sigaction(SIGINT, &previous_, nullptr); }

bool InterruptGuard::interrupted() { return flag.load(std::memory_order_relaxed); }

void InterruptGuard::clear() { flag.store(false, std::memory_order_relaxed); }

} // namespace llmc
