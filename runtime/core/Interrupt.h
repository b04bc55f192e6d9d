#ifndef LLMC_RUNTIME_CORE_INTERRUPT_H
#define LLMC_RUNTIME_CORE_INTERRUPT_H

#include <csignal>
#include <iterator>

namespace llmc {

/// What asks a process to end: Ctrl-C, kill, and a terminal that closes.
inline constexpr int kInterruptSignals[] = {SIGINT, SIGTERM, SIGHUP};

/// While one lives, the first of kInterruptSignals only sets a flag, so that work can end tidily
/// between two tokens; the second removes what a Leftover names and ends the process at once, as
/// the signal does by default. Blocking system calls return EINTR. A signal that was ignored when
/// the guard was made goes on being ignored. Guards may nest, innermost destroyed first; they share
/// the flag.
class InterruptGuard {
public:
  /// Installs the handler and clears the flag.
  InterruptGuard();
  /// Restores what the signals did before; the flag stays readable.
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard &) = delete;
  InterruptGuard &operator=(const InterruptGuard &) = delete;

  /// Whether a signal came since the last guard was made or clear() was called. Any thread may ask.
  static bool interrupted() { return signal() != 0; }

  /// The first signal that came since then; 0 if none did.
  static int signal();

  /// Forgets a signal that was dealt with, so that the next one again only sets the flag.
  static void clear();

private:
  struct sigaction previous_[std::size(kInterruptSignals)];
};

/// From now on the process removes what Leftover names before it dies of one of kInterruptSignals
/// outside of a guard. A signal that is ignored stays so.
void removeLeftoversOnSignals();

} // namespace llmc

#endif // LLMC_RUNTIME_CORE_INTERRUPT_H
