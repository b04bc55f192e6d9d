#include "compiler/Target/TargetDescription.h"
#include "absl/strings/str_cat.h"
#include "runtime/core/MatrixUnit.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetOptions.h"
#include "llvm/TargetParser/Host.h"
#include <mutex>

namespace llmc {
namespace {

// The dot-product instructions in order of preference, and the CPU features each needs.
struct DotRow {
  kernel::Dot dot;
  const char *features; // as MCSubtargetInfo::checkFeatures takes them
};
constexpr DotRow kDots[] = {
    {kernel::Dot::Amx, "+amx-bf16,+avx512bf16,+avx512vnni,+avx512bw,+avx512vl"},
    {kernel::Dot::Vnni512, "+avx512vnni,+avx512bw,+avx512vl"},
    {kernel::Dot::Avx2, "+avx2,+fma,+f16c"},
    {kernel::Dot::Plain, ""},
};

void initializeLlvm() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    llvm::InitializeNativeTargetAsmParser();
    // Loop strength reduction would bring back indexed addresses where the kernels carry pointers,
    // which costs 4-8 % of a matrix product. The machine scheduler would move all prefetches of a
    // block behind its last product, where they overrun the line fill buffers: up to a third of
    // the memory bandwidth. Kernels are emitted in the order in which they should run. There is no
    // other way to say so.
    const char *arguments[] = {"llmc", "-disable-lsr", "-enable-misched=false",
                               "-pre-RA-sched=source"};
    llvm::cl::ParseCommandLineOptions(std::size(arguments), arguments, "", &llvm::nulls());
  });
}

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
  target.triple = llvm::sys::getDefaultTargetTriple();
  if (cpu == "native" || cpu.empty()) {
    target.cpu = llvm::sys::getHostCPUName().str();
    target.features = hostFeatures();
  } else {
    target.cpu = std::string(cpu);
  }
  // Asked of the generic machine, because LLVM warns on stderr of a name that it does not know.
  absl::StatusOr<std::unique_ptr<llvm::TargetMachine>> generic =
      makeTargetMachine({target.triple, "", "", kernel::Dot::Plain, {}});
  if (!generic.ok())
    return generic.status();
  if (!(*generic)->getMCSubtargetInfo()->isCPUStringValid(target.cpu))
    return absl::InvalidArgumentError(
        absl::StrCat("--target-cpu=", cpu,
                     ": LLVM knows no such CPU; try native, x86-64, haswell, "
                     "skylake-avx512, cascadelake, sapphirerapids, znver4"));
  absl::StatusOr<std::unique_ptr<llvm::TargetMachine>> machine = makeTargetMachine(target);
  if (!machine.ok())
    return machine.status();
  const llvm::MCSubtargetInfo &subtarget = *(*machine)->getMCSubtargetInfo();
  for (const DotRow &row : kDots)
    if (!*row.features || subtarget.checkFeatures(row.features)) {
      target.dot = row.dot;
      break;
    }
  absl::StatusOr<TileChoice> tiles = chooseTiles(target.dot, target.cpu);
  if (!tiles.ok())
    return tiles.status();
  target.tiles = *std::move(tiles);
  return target;
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
  auto theirs = makeTargetMachine(target), ours = makeTargetMachine(*host);
  if (!theirs.ok() || !ours.ok())
    return false;
  // Every feature that decides about instructions must be there; tuning hints need not be.
  const char *instructionSets[] = {
      "amx-bf16",   "amx-tile",   "avx",      "avx2",     "fma",        "f16c",
      "avx512f",    "avx512bw",   "avx512vl", "avx512dq", "avx512vnni", "avx512bf16",
      "avx512fp16", "avx512vbmi", "avxvnni",  "bmi2",     "sse4.2"};
  for (const char *name : instructionSets) {
    std::string on = absl::StrCat("+", name);
    if ((*theirs)->getMCSubtargetInfo()->checkFeatures(on) &&
        !(*ours)->getMCSubtargetInfo()->checkFeatures(on))
      return false;
  }
  return true;
}

} // namespace llmc
