// The phases of one compilation as files to read: `00-import.mlir`, ..., `07-object.s`, and an
// `index.html` that shows them all and needs nothing else.
#ifndef LLMC_COMPILER_DRIVER_PHASEDUMP_H
#define LLMC_COMPILER_DRIVER_PHASEDUMP_H

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "compiler/Pipeline/Phases.h"
#include <string>
#include <vector>

namespace llmc {

class PhaseDump {
public:
  // Makes the directory, and those above it, where they are missing.
  static absl::StatusOr<PhaseDump> create(absl::string_view directory);

  // Writes the file of a phase: its IR, or for `object` the assembly. Files of earlier dumps are
  // replaced.
  absl::Status add(Phase phase, std::string text, double seconds);

  // Writes index.html. `title` names the model, `target` the CPU.
  absl::Status finish(absl::string_view title, absl::string_view target) const;

private:
  struct Entry {
    Phase phase;
    std::string fileName, text;
    double seconds;
  };

  explicit PhaseDump(std::string directory) : directory_(std::move(directory)) {}
  absl::Status writeFile(absl::string_view name, absl::string_view content) const;

  std::string directory_;
  std::vector<Entry> entries_;
};

} // namespace llmc

#endif
