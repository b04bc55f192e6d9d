// Ways to make a program of the `llm` dialect smaller, one small step each.
#ifndef LLMC_TOOLS_LLMC_REDUCE_EDITS_H
#define LLMC_TOOLS_LLMC_REDUCE_EDITS_H

#include "mlir/IR/BuiltinOps.h"

namespace llmc {

// Applies edit `number` of those that the module allows, counted from 0: leaves out a function, a
// result of a function, the last of some layers, an operation that nothing uses, or one that
// earlier values of the same types stand in for. False if there are not so many. What nothing uses
// any more is gone afterwards. The module may be invalid afterwards; what it means is another
// question, and the caller's.
bool applyEdit(mlir::ModuleOp module, size_t number);

} // namespace llmc

#endif
