// A phase of compilation as text, and from which lines of the phase before each line of it came.
//
// It is MLIR's location snapshot: when a phase is done, each operation gets the place where it was
// printed as its location. Passes give what they make the locations of what they make it from, so
// the locations that the next phase ends with name lines of this one.
#ifndef LLMC_COMPILER_PHASEDUMP_PHASETEXT_H
#define LLMC_COMPILER_PHASEDUMP_PHASETEXT_H

#include "mlir/IR/BuiltinOps.h"
#include <map>
#include <string>
#include <vector>

namespace llmc {

// Numbers of lines, from 1, ascending.
using Lines = std::vector<unsigned>;

// A function, or something else that has a name and lines of its own.
struct PhaseSymbol {
  std::string name;
  unsigned first, last; // lines
  // Of what this phase made for all who need it: the lines before whose operations use it. No line
  // of it belongs to one of them alone.
  Lines users;
};

struct PhaseText {
  std::string name, description, fileName, text;
  double seconds = 0;
  std::vector<Lines> origins; // of line i + 1; a symbol with users has none of its own
  std::vector<PhaseSymbol> symbols;
  std::map<std::string, int64_t> operations; // how many there are of each name

  // The origins of a line that is not in a symbol with users.
  void setOrigins(unsigned line, Lines lines);
};

// The lines of `file` that a location names.
Lines linesOf(mlir::LocationAttr location, llvm::StringRef file);

// The line at which an operation was printed, after snapshot() of its module.
unsigned lineOf(mlir::Operation *op);

// Prints the module as `fileName` would have it and changes its locations to places there.
// `before` is the phase before, null for the first one.
PhaseText snapshot(mlir::ModuleOp module, llvm::StringRef fileName, const PhaseText *before);

} // namespace llmc

#endif
