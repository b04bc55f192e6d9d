#include "compiler/PhaseDump/PhaseDump.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "compiler/PhaseDump/AssemblyText.h"
#include "compiler/PhaseDump/SourceText.h"
#include "runtime/core/AtomicFile.h"
#include "llvm/Support/FileSystem.h"

namespace llmc {

absl::StatusOr<PhaseDump> PhaseDump::create(absl::string_view directory) {
  std::string path(directory);
  if (std::error_code error = llvm::sys::fs::create_directories(path))
    return absl::Status(absl::ErrnoToStatusCode(error.value()),
                        absl::StrCat(path, ": cannot make the directory: ", error.message()));
  if (!llvm::sys::fs::is_directory(path))
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": is not a directory; give another name"));
  return PhaseDump(std::move(path));
}

absl::Status PhaseDump::writeFile(absl::string_view name, absl::string_view content) const {
  absl::StatusOr<AtomicFile> file = AtomicFile::create(absl::StrCat(directory_, "/", name));
  if (!file.ok())
    return file.status();
  if (absl::Status status = file->write(content); !status.ok())
    return status;
  return file->commit();
}

absl::Status PhaseDump::add(Phase phase, mlir::ModuleOp module, const TargetDescription &target,
                            double seconds) {
  const PhaseInfo &info = phaseInfo(phase);
  const std::string fileName = absl::StrFormat("%02d-%s.%s", static_cast<int>(phase), info.name,
                                               phase == Phase::Object ? "s" : "mlir");
  const PhaseText *before = page_.phases.empty() ? nullptr : &page_.phases.back();
  PhaseText text;
  if (phase == Phase::Object) {
    absl::StatusOr<PhaseText> assembly = assemblyText(module, target, fileName, *before);
    if (!assembly.ok())
      return assembly.status();
    text = *std::move(assembly);
  } else {
    text = snapshot(module, fileName, before);
  }
  text.name = info.name;
  text.description = info.description;
  text.seconds = seconds;
  if (phase == Phase::Import)
    page_.phases.push_back(sourceText(module, text));
  page_.phases.push_back(std::move(text));
  const unsigned place = page_.phases.size() - 1;
  if (phase == Phase::Import || phase == Phase::Fuse)
    page_.graphs.push_back({place, programGraphs(module)});
  if (phase == Phase::Kernel)
    page_.costs = {place, {}, kernelCosts(module, {})};
  return writeFile(fileName, page_.phases.back().text);
}

void PhaseDump::add(const PassRemark &remark) {
  if (page_.phases.empty())
    return;
  page_.remarks.push_back({remark, unsigned(page_.phases.size() - 1),
                           linesOf(remark.location, page_.phases.back().fileName)});
}

absl::Status PhaseDump::finish(absl::string_view title, const TargetDescription &target,
                               uint64_t objectBytes, MachineSpeed speed) {
  page_.title = std::string(title);
  page_.target = target.cpu;
  page_.objectBytes = objectBytes;
  page_.speed = std::move(speed);
  absl::StatusOr<std::string> page = pageText(page_);
  if (!page.ok())
    return page.status();
  return writeFile("index.html", *page);
}

} // namespace llmc
