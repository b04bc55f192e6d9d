// What a program is imported from: the tensors of the file and the operations that the builder of
// its architecture makes.
#ifndef LLMC_COMPILER_PHASEDUMP_SOURCETEXT_H
#define LLMC_COMPILER_PHASEDUMP_SOURCETEXT_H

#include "compiler/PhaseDump/PhaseText.h"

namespace llmc {

// A text with a line for each of them, made from the module at phase import, which snapshot() has
// seen as `imported`; gives that its origins.
PhaseText sourceText(mlir::ModuleOp module, PhaseText &imported);

} // namespace llmc

#endif
