// Requests for the lines of a packed stream ahead of their use, spread over the code that uses them:
// in the order of addresses and a few at a time, because bursts overrun the line fill buffers.
#ifndef LLMC_PASSES_VECTOR_PREFETCHSTREAM_H
#define LLMC_PASSES_VECTOR_PREFETCHSTREAM_H

#include "passes/Vector/Emitter.h"

namespace llmc::kernel {

class PrefetchStream {
public:
  // `lines` of 64 bytes from `begin` on, in `steps` equal portions.
  PrefetchStream(Emitter &e, Value begin, int64_t lines, int64_t steps)
      : e(e), begin(begin), lines(lines), steps(steps) {}

  // The next portion.
  void step() {
    ++done;
    for (; asked * steps < done * lines; ++asked)
      e.prefetch(e.gep(begin, 64 * asked));
  }

private:
  Emitter &e;
  Value begin;
  int64_t lines, steps, done = 0, asked = 0;
};

} // namespace llmc::kernel

#endif
