// The phases of compilation, in one table. `--emit`, `--dump-phases`, `--time-phases`, llmc-opt's
// pipelines and the checks at each border all come from it.
#ifndef LLMC_COMPILER_PIPELINE_PHASES_H
#define LLMC_COMPILER_PIPELINE_PHASES_H

#include "absl/strings/string_view.h"
#include "compiler/Pipeline/PhaseOptions.h"
#include "mlir/Pass/PassManager.h"
#include <optional>
#include <span>

namespace llmc {

enum class Phase { Import, Simplify, Autodiff, Fuse, Layout, Kernel, Vector, Llvm, Object };

struct PhaseInfo {
  Phase phase;
  const char *name;
  const char *description;
  // Appends the passes that lead from the phase before to this one; null for phases that are not
  // made by passes (import, object).
  void (*build)(mlir::OpPassManager &, const PhaseOptions &);
  // Dialects whose operations may be there when the phase is done.
  std::span<const char *const> dialects;
};

std::span<const PhaseInfo> phases();
const PhaseInfo &phaseInfo(Phase phase);
std::optional<Phase> findPhase(absl::string_view name);

// Appends the passes of a phase and the check of its border.
void buildPhase(mlir::OpPassManager &pm, Phase phase, const PhaseOptions &options = {});

// For llmc-opt: llm-verify-phase, a pipeline `llm-phase-<name>` per phase, and the pipeline
// `llm-pipeline=<name>`, all phases up to that one.
void registerPhasePasses();

} // namespace llmc

#endif
