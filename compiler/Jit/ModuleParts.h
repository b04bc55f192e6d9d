// A module of the LLVM dialect in parts that can be compiled at the same time.
#ifndef LLMC_COMPILER_JIT_MODULEPARTS_H
#define LLMC_COMPILER_JIT_MODULEPARTS_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include <vector>

namespace llmc {

// Moves the functions of a module into parts of about the same size, and back at the end of its
// life. Each part declares the functions of the others, with external linkage, and has the
// constants that it uses. How a module is parted depends on it alone.
class ModuleParts {
public:
  explicit ModuleParts(mlir::ModuleOp whole);
  ~ModuleParts();
  ModuleParts(const ModuleParts &) = delete;
  ModuleParts &operator=(const ModuleParts &) = delete;

  std::vector<mlir::ModuleOp> modules() const;

private:
  mlir::ModuleOp whole_;
  std::vector<mlir::Operation *> order_; // all that the module has
  std::vector<mlir::OwningOpRef<mlir::ModuleOp>> parts_;
};

} // namespace llmc

#endif
