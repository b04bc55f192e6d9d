// From the LLVM dialect to machine code, and from machine code to functions that run.
#ifndef LLMC_COMPILER_JIT_OBJECTCODE_H
#define LLMC_COMPILER_JIT_OBJECTCODE_H

#include "absl/status/statusor.h"
#include "compiler/Target/TargetDescription.h"
#include "mlir/IR/BuiltinOps.h"
#include "runtime/abi/StepContext.h"
#include <memory>
#include <string>

namespace llmc {

// Machine code of the module as one relocatable object, or as assembly text.
absl::StatusOr<std::string> emitObject(mlir::ModuleOp module, const TargetDescription &target);
absl::StatusOr<std::string> emitAssembly(mlir::ModuleOp module, const TargetDescription &target);
// The same as an archive (ar) of objects, which are made at the same time on the CPUs there are;
// its bytes do not depend on how many that is.
absl::StatusOr<std::string> emitArchive(mlir::ModuleOp module, const TargetDescription &target);

// The objects of an archive in executable memory, linked with the runtime's entry points.
class LoadedCode {
public:
  static absl::StatusOr<std::unique_ptr<LoadedCode>> load(absl::string_view archive);
  ~LoadedCode();

  // The entry function `name`.
  absl::StatusOr<StepFunction> find(absl::string_view name) const;

private:
  struct Impl;
  explicit LoadedCode(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

} // namespace llmc

#endif
