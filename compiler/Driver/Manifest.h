// What the runtime needs to know of a program, read from the module.
#ifndef LLMC_COMPILER_DRIVER_MANIFEST_H
#define LLMC_COMPILER_DRIVER_MANIFEST_H

#include "absl/status/statusor.h"
#include "mlir/IR/BuiltinOps.h"
#include "runtime/llm/Program.h"

namespace llmc {

// The manifest of a module at phase kernel. `vocabulary` and `contextLength` are 0 where the module
// does not say.
absl::StatusOr<ProgramManifest> readManifest(mlir::ModuleOp module);

} // namespace llmc

#endif
