// What programs are made of: a table of generators.
#ifndef LLMC_TOOLS_LLMC_SMITH_GENERATORS_H
#define LLMC_TOOLS_LLMC_SMITH_GENERATORS_H

#include "tools/llmc-smith/Body.h"

namespace llmc::smith {

struct Generator {
  const char *name;
  unsigned weight; // how often, in relation to the others
  // Adds operations on rows of the body and offers what they yield.
  void (*emit)(Body &);
  // What a body must have or be: rotary tables and caches or sequences; for training; not for
  // training, because there is no derivative.
  enum Needs { Nothing, Attention, Training, Inference } needs = Nothing;
};

llvm::ArrayRef<Generator> generators();

// Adds what one of the generators makes.
void emitAny(Body &body);

} // namespace llmc::smith

#endif
