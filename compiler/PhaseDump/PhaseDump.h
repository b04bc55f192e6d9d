// The phases of one compilation as files to read: `00-import.mlir`, ..., `08-object.s`, and an
// `index.html` that shows them side by side and needs nothing else. See README.md.
#ifndef LLMC_COMPILER_PHASEDUMP_PHASEDUMP_H
#define LLMC_COMPILER_PHASEDUMP_PHASEDUMP_H

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "compiler/Driver/Remarks.h"
#include "compiler/PhaseDump/PageData.h"
#include "compiler/Pipeline/Phases.h"

namespace llmc {

class PhaseDump {
public:
  // Makes the directory, and those above it, where they are missing.
  static absl::StatusOr<PhaseDump> create(absl::string_view directory);

  // Writes the file of a phase: its IR, or for `object` the assembly. Files of earlier dumps are
  // replaced. To be called for each phase in turn, with the module that they all change: its
  // locations become places in these files.
  absl::Status add(Phase phase, mlir::ModuleOp module, const TargetDescription &target,
                   double seconds);
  // A remark that was made on the way from the phase added last to the next one.
  void add(const PassRemark &remark);

  // Writes index.html. `title` names the model; `speed` is what costs are compared with.
  absl::Status finish(absl::string_view title, const TargetDescription &target,
                      uint64_t objectBytes, MachineSpeed speed);

private:
  explicit PhaseDump(std::string directory) : directory_(std::move(directory)) {}
  absl::Status writeFile(absl::string_view name, absl::string_view content) const;

  std::string directory_;
  PageData page_;
};

} // namespace llmc

#endif
