#include "runtime/core/Interrupt.h"

#include "runtime/core/Leftover.h"

#include <atomic>

namespace llmc {
namespace {

std::atomic<int> first{0};
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may not take a lock");

void die(int signal) {
  removeLeftovers();
  // Dying of the signal itself, not of an exit code, also stops a shell loop around the program.
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void onInterrupt(int signal) {
  if (int none = 0; !first.compare_exchange_strong(none, signal))
    die(signal);
}

// Unless the signal is ignored. Returns what it did before.
struct sigaction handle(int signal, void (*handler)(int)) {
  struct sigaction previous, action = {};
  sigaction(signal, nullptr, &previous);
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  if (previous.sa_handler != SIG_IGN)
    sigaction(signal, &action, nullptr);
  return previous;
}

} // namespace

InterruptGuard::InterruptGuard() {
  clear();
  for (size_t i = 0; i < std::size(kInterruptSignals); ++i)
    previous_[i] = handle(kInterruptSignals[i], onInterrupt);
}

InterruptGuard::~InterruptGuard() {
  for (size_t i = 0; i < std::size(kInterruptSignals); ++i)
    sigaction(kInterruptSignals[i], &previous_[i], nullptr);
}

int InterruptGuard::signal() { return first.load(std::memory_order_relaxed); }

void InterruptGuard::clear() { first.store(0, std::memory_order_relaxed); }

void removeLeftoversOnSignals() {
  for (int signal : kInterruptSignals)
    handle(signal, die);
}

} // namespace llmc
