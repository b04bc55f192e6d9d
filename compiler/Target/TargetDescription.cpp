#include "compiler/Target/TargetDescription.h"
#include "absl/strings/str_cat.h"
#include "compiler/Target/CpuFamilies.h"
#include "runtime/core/MatrixUnit.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Target/TargetOptions.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"
#include <algorithm>

namespace llmc {
namespace {

std::string hostFeatures() {
  std::string features;
  const bool matrixUnit = enableMatrixUnit();
  for (const auto &[name, enabled] : llvm::sys::getHostCPUFeatures())
    absl::StrAppend(&features, features.empty() ? "" : ",",
                    enabled && (matrixUnit || !name.starts_with("amx")) ? "+" : "-", name.str());
  return features;
}

} // namespace

absl::StatusOr<std::unique_ptr<llvm::TargetMachine>>
makeTargetMachine(const TargetDescription &target) {
  initializeLlvm();
  std::string error;
  llvm::Triple triple(target.triple);
  const llvm::Target *found = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!found)
    return absl::InvalidArgumentError(absl::StrCat("no code for '", target.triple, "': ", error));
  llvm::TargetOptions options;
  std::unique_ptr<llvm::TargetMachine> machine(
      found->createTargetMachine(triple, target.cpu, target.features, options, llvm::Reloc::PIC_,
                                 llvm::CodeModel::Small, llvm::CodeGenOptLevel::Default,
                                 /*JIT=*/true));
  if (!machine)
    return absl::InternalError(absl::StrCat("LLVM makes no machine for '", target.triple, "'"));
  return machine;
}

absl::StatusOr<TargetDescription> describeTarget(absl::string_view cpu) {
  initializeLlvm();
  TargetDescription target;
  const CpuFamily *family = &cpuFamilies().front();
  if (cpu == "native" || cpu.empty()) {
    target.cpu = llvm::sys::getHostCPUName().str();
    target.features = hostFeatures();
  } else {
    target.cpu = std::string(cpu);
    family = findCpuFamily(cpu);
    if (!family)
      return absl::InvalidArgumentError(unknownCpu(cpu));
  }
  target.triple = family->triple;
  const std::vector<DotVerdict> verdicts = judgeDots(target);
  const auto chosen =
      std::ranges::find_if(verdicts, [](const auto &v) { return v.missing.empty(); });
  if (chosen == verdicts.end())
    return absl::InvalidArgumentError(
        absl::StrCat("this build of LLVM makes no code for ", target.triple));
  target.dot = chosen->row->dot;
  absl::StatusOr<std::optional<TileChoice>> tuned = tunedTiles(target.dot, target.cpu);
  if (!tuned.ok())
    return tuned.status();
  target.tuned = tuned->has_value();
  target.tiles = target.tuned ? **std::move(tuned) : builtInTiles(target.dot);
  return target;
}

std::vector<DotVerdict> judgeDots(const TargetDescription &target) {
  std::vector<DotVerdict> verdicts;
  const auto subtarget = subtargetOf(target.triple, target.cpu, target.features);
  if (!subtarget)
    return verdicts;
  const llvm::StringRef name = llvm::Triple::getArchTypeName(llvm::Triple(target.triple).getArch());
  for (const kernel::DotRow &row : kernel::dotRows())
    if (!*row.architecture || name == row.architecture)
      verdicts.push_back({&row, missingFeatures(*subtarget, row.features)});
  return verdicts;
}

kernel::TargetAttr targetAttribute(mlir::MLIRContext *context, const TargetDescription &target,
                                   int64_t maxRows) {
  const TileChoice &tiles = target.tiles;
  return kernel::TargetAttr::get(
      context, target.dot, tiles.widths, maxRows,
      kernel::MemoryAttr::get(context, tiles.prefetchFar, tiles.prefetchNear, tiles.panelCache));
}

bool runsHere(const TargetDescription &target) {
  absl::StatusOr<TargetDescription> host = describeTarget("native");
  if (!host.ok() || host->triple != target.triple)
    return false;
  if (host->cpu == target.cpu && host->features == target.features)
    return true;
  const auto theirs = subtargetOf(target.triple, target.cpu, target.features);
  const auto ours = subtargetOf(host->triple, host->cpu, host->features);
  if (!theirs || !ours)
    return false;
  // Nothing may be missing here that is not missing there.
  const char *all = cpuFamilies().front().instructionSets;
  const std::vector<std::string> there = missingFeatures(*theirs, all);
  return std::ranges::all_of(missingFeatures(*ours, all), [&](const std::string &name) {
    return std::ranges::find(there, name) != there.end();
  });
}

} // namespace llmc
