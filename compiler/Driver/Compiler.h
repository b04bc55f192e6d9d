// Compiles modules of the `llm` dialect, phase by phase.
#ifndef LLMC_COMPILER_DRIVER_COMPILER_H
#define LLMC_COMPILER_DRIVER_COMPILER_H

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "compiler/Artifact/SealedCode.h"
#include "compiler/Driver/Remarks.h"
#include "compiler/Pipeline/Phases.h"
#include "compiler/Target/TargetDescription.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "runtime/llm/Program.h"
#include <functional>
#include <optional>
#include <span>

namespace llmc {

struct CompileOptions {
  std::string targetCpu = "native";
  std::optional<TileChoice> tiles; // instead of the target's
  int64_t maxRows = 512;           // most tokens of a step
  PhaseOptions phases;
  // Object code is kept in this directory under a name that says what it was made from; empty: not.
  std::string cacheDirectory;
  // The file of the key by which code that was kept is known again (UserKey.h); empty: all is
  // compiled anew, and nothing kept.
  std::string keyPath;
  // Sealed object code that came with the program, looked at before the cache (SealedCode.h).
  std::span<const uint8_t> carriedCode;
  // Told of each phase when it is done, with the module as it then is and the seconds it took. For
  // `object` the module is the one of phase `llvm`.
  std::function<absl::Status(Phase, mlir::ModuleOp, double seconds)> observer;
  // Told of fusions made and missed.
  std::function<void(const PassRemark &)> remark;
};

struct CompiledModel {
  TargetDescription target;
  ProgramManifest manifest;
  std::string object;     // emitArchive() of all phases
  CodeSeal seal{};        // of `object`; zeros, which is no code's, where there is no key
  bool fromCache = false; // or carried: nothing was compiled
};

class Compiler {
public:
  Compiler();

  mlir::MLIRContext *context() { return &context_; }

  // Compiles `module`, at phase import, to machine code. Changes the module.
  absl::StatusOr<CompiledModel> compile(mlir::ModuleOp module, const CompileOptions &options);

  // Runs the phases after import up to `last`, at most llvm.
  absl::Status runPhases(mlir::ModuleOp module, Phase first, Phase last,
                         const TargetDescription &target, const CompileOptions &options);

  // Parses a module from text and verifies it.
  absl::StatusOr<mlir::OwningOpRef<mlir::ModuleOp>> parse(absl::string_view text,
                                                          absl::string_view name);

private:
  mlir::MLIRContext context_;
};

// $XDG_CACHE_HOME/llmc or ~/.cache/llmc; empty when neither variable is set.
std::string defaultCacheDirectory();

} // namespace llmc

#endif
