// Remarks of the fusion passes: what was fused, and what was not and why.
#ifndef LLMC_PASSES_FUSE_FUSEREMARKS_H
#define LLMC_PASSES_FUSE_FUSEREMARKS_H

#include "mlir/IR/Operation.h"
#include "mlir/Pass/Pass.h"
#include "llvm/ADT/Twine.h"

namespace llmc {

// Emits a passed remark named after `pass`, of category `fuse`, at `op`. To be called while `op` is
// still in its function.
void remarkFused(mlir::Pass &pass, mlir::Operation *op, const llvm::Twine &what);

// Emits a missed remark. `reason` completes "not fused because".
void remarkMissed(mlir::Pass &pass, mlir::Operation *op, const llvm::Twine &reason);

// "product has 2 uses".
std::string describeUses(llvm::StringRef what, mlir::Value value);

} // namespace llmc

#endif
