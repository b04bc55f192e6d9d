// Holds the interpretations of a program after each phase, and its compiled code, against each
// other.
#ifndef LLMC_TOOLS_LLMC_SMITH_CHECK_H
#define LLMC_TOOLS_LLMC_SMITH_CHECK_H

#include "compiler/Driver/Compiler.h"

namespace llmc::smith {

struct CheckOptions {
  std::vector<std::string> targets{"native"};
  // Print and parse the module after all phases, not only up to `kernel`.
  bool printAll = false;
};

// Runs a program, at phase import, on weights and inputs of the seed. The error says where results
// differ and by how much.
absl::Status checkProgram(Compiler &compiler, mlir::ModuleOp module, uint32_t seed,
                          const CheckOptions &options);

} // namespace llmc::smith

#endif
