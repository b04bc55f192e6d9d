#ifndef LLMC_RUNTIME_CORE_INTERRUPT_H
#define LLMC_RUNTIME_CORE_INTERRUPT_H

#include <csignal>

namespace llmc {

/// While one lives, the first Ctrl-C (SIGINT) only sets a flag, so that work can end tidily between
/// two tokens; the second removes what a Leftover names and ends the process at once, as SIGINT
/// does by default. Blocking system calls return EINTR. A process that was started with SIGINT
/// ignored goes on ignoring it. Guards may nest, innermost destroyed first; they share the flag.
class InterruptGuard {
public:
  /// Installs the handler and clears the flag.
  InterruptGuard();
  /// Restores what SIGINT did before; the flag stays readable.
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard &) = delete;
  InterruptGuard &operator=(const InterruptGuard &) = delete;

  /// Whether SIGINT came since the last guard was made or clear() was called. Any thread may ask.
  static bool interrupted();

  /// Forgets a Ctrl-C that was dealt with, so that the next one again only sets the flag.
  static void clear();

private:
  struct sigaction previous_;
};

} // namespace llmc

#endif // LLMC_RUNTIME_CORE_INTERRUPT_H
