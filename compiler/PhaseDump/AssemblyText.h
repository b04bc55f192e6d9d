// Assembly, and from which line of the phase before each instruction came.
#ifndef LLMC_COMPILER_PHASEDUMP_ASSEMBLYTEXT_H
#define LLMC_COMPILER_PHASEDUMP_ASSEMBLYTEXT_H

#include "absl/status/statusor.h"
#include "compiler/PhaseDump/PhaseText.h"
#include "compiler/Target/TargetDescription.h"

namespace llmc {

// The assembly of a module in the LLVM dialect that snapshot() has seen last, as `before`. Its
// `operations` are instructions.
//
// Origins are LLVM's own line table, taken from a copy that is compiled with debug information. Its
// instructions must be the same; if they ever are not, each has its function's line.
absl::StatusOr<PhaseText> assemblyText(mlir::ModuleOp module, const TargetDescription &target,
                                       llvm::StringRef fileName, const PhaseText &before);

// Lines of `plain`, which must follow each other in `annotated` with `.loc` directives between
// them, to the line that the last of those named, 0 where it is unknown. Nothing if some are not
// there.
std::optional<std::vector<unsigned>> lineTable(llvm::StringRef plain, llvm::StringRef annotated);

} // namespace llmc

#endif
