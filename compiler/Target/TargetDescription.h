// Which CPU code is made for, and what follows from it.
#ifndef LLMC_COMPILER_TARGET_TARGETDESCRIPTION_H
#define LLMC_COMPILER_TARGET_TARGETDESCRIPTION_H

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "compiler/Target/TileChoice.h"
#include "dialects/kernel/IR/DotTable.h"
#include "llvm/Target/TargetMachine.h"
#include <memory>
#include <string>
#include <vector>

namespace llmc {

struct TargetDescription {
  std::string triple;
  std::string cpu;      // LLVM's name
  std::string features; // "+avx512f,..."; what the host has for "native", empty for a named CPU
  kernel::Dot dot;
  TileChoice tiles;
  bool tuned = false; // whether the tiles are what `llmc tune` chose, not the table's

  // The identity of the target in caches and artifacts.
  std::string key() const { return triple + "/" + cpu + "/" + features; }
};

// The target for `cpu`: "native" is the CPU this runs on, any other name one that LLVM knows, of
// any architecture in CpuFamilies.h. Errors say which names are known.
absl::StatusOr<TargetDescription> describeTarget(absl::string_view cpu);

// A row of the table of dot products, and the features that it needs and the target does not have.
struct DotVerdict {
  const kernel::DotRow *row;
  std::vector<std::string> missing;
};

// The verdicts on the rows of the target's architecture, the better ones first. The first with
// nothing missing is the target's.
std::vector<DotVerdict> judgeDots(const TargetDescription &target);

// A machine that emits code for the target.
absl::StatusOr<std::unique_ptr<llvm::TargetMachine>>
makeTargetMachine(const TargetDescription &target);

// The attribute kernel.target of a module that is compiled for the target.
kernel::TargetAttr targetAttribute(mlir::MLIRContext *context, const TargetDescription &target,
                                   int64_t maxRows);

// Whether code for the target runs on this CPU.
bool runsHere(const TargetDescription &target);

} // namespace llmc

#endif
