#include "compiler/Target/CpuFamilies.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"
#include <algorithm>
#include <mutex>

namespace llmc {
namespace {

// CPUs of 32 bits are of the same family to LLVM, which ends the process when code is made for
// them.
bool has64Bits(const CpuFamily &family, absl::string_view cpu) {
  return llvm::StringRef(family.name) != "x86_64" ||
         subtargetOf(family.triple, cpu, "")->checkFeatures("+64bit");
}

llvm::StringRef ref(absl::string_view text) { return {text.data(), text.size()}; }

std::vector<CpuFamily> makeFamilies() {
  std::vector<CpuFamily> all = {
      {"x86_64", "x86_64-pc-linux-gnu",
       "amx-bf16,amx-tile,avx,avx2,fma,f16c,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,"
       "avx512bf16,avx512fp16,avx512vbmi,avxvnni,bmi2,sse4.2"},
      {"aarch64", "aarch64-unknown-linux-gnu",
       "neon,fullfp16,dotprod,i8mm,bf16,sve,sve2,sme,lse,rdm,rcpc,v8.1a,v8.2a,v8.3a,v8.4a,v8.5a,"
       "v9a"},
  };
  const std::string here = llvm::sys::getDefaultTargetTriple();
  const std::string name = llvm::Triple::getArchTypeName(llvm::Triple(here).getArch()).str();
  const auto own = std::ranges::find_if(all, [&](const auto &a) { return a.name == name; });
  if (own != all.end()) {
    own->triple = here;
    std::rotate(all.begin(), own, own + 1);
  }
  return all;
}

} // namespace

void initializeLlvm() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeAllTargetInfos();
    llvm::InitializeAllTargets();
    llvm::InitializeAllTargetMCs();
    llvm::InitializeAllAsmPrinters();
    llvm::InitializeAllAsmParsers();
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

const std::vector<CpuFamily> &cpuFamilies() {
  static const std::vector<CpuFamily> all = makeFamilies();
  return all;
}

std::unique_ptr<llvm::MCSubtargetInfo> subtargetOf(absl::string_view triple, absl::string_view cpu,
                                                   absl::string_view features) {
  initializeLlvm();
  std::string error;
  const llvm::Triple parsed(ref(triple));
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(parsed, error);
  if (!target)
    return nullptr;
  return std::unique_ptr<llvm::MCSubtargetInfo>(
      target->createMCSubtargetInfo(parsed, ref(cpu), ref(features)));
}

const CpuFamily *findCpuFamily(absl::string_view cpu) {
  // Asked of the family in general, because LLVM warns on stderr of a name that it does not
  // know.
  for (const CpuFamily &family : cpuFamilies())
    if (auto general = subtargetOf(family.triple, "", "");
        general && general->isCPUStringValid(ref(cpu)) && has64Bits(family, cpu))
      return &family;
  return nullptr;
}

std::vector<std::string> cpuNames(const CpuFamily &family) {
  std::vector<std::string> names;
  if (auto general = subtargetOf(family.triple, "", ""))
    for (const llvm::SubtargetSubTypeKV &cpu : general->getAllProcessorDescriptions())
      if (has64Bits(family, cpu.Key))
        names.push_back(cpu.Key);
  std::ranges::sort(names);
  return names;
}

std::vector<std::string> missingFeatures(const llvm::MCSubtargetInfo &subtarget,
                                         absl::string_view features) {
  std::vector<std::string> missing;
  for (absl::string_view name : absl::StrSplit(features, ',', absl::SkipEmpty()))
    if (!subtarget.checkFeatures(absl::StrCat("+", name)))
      missing.push_back(std::string(name));
  return missing;
}

std::string unknownCpu(absl::string_view cpu) {
  std::string known, nearest;
  // A name that shares less than half of its letters with any is no misspelt one.
  unsigned least = cpu.size() / 2 + 1;
  for (const CpuFamily &family : cpuFamilies()) {
    const std::vector<std::string> names = cpuNames(family);
    for (const std::string &name : names)
      if (unsigned distance = ref(cpu).edit_distance_insensitive(name); distance < least) {
        least = distance;
        nearest = name;
      }
    absl::StrAppend(&known, "; of ", family.name, ": ", absl::StrJoin(names, ", "));
  }
  const std::string hint =
      nearest.empty() ? ". " : absl::StrCat("; did you mean '", nearest, "'? ");
  return absl::StrCat("there is no CPU '", cpu, "'", hint, "Known are native", known);
}

} // namespace llmc
