// Feeds any text to what takes the program of a compiled model: MLIR's parser, the check of its
// form, the phases up to `kernel`, and the manifest. MLIR itself is not instrumented.
#include "compiler/Artifact/ProgramText.h"
#include "compiler/Driver/ArtifactProgram.h"
#include "compiler/Driver/Compiler.h"
#include "compiler/Driver/Manifest.h"
#include "tests/fuzz/Fuzz.h"
#include <memory>

using namespace llmc;
using fuzz::require;

namespace {

// A context keeps every type and attribute that it has seen.
constexpr int kUsesOfContext = 200;

Compiler &compiler() {
  static std::unique_ptr<Compiler> current;
  static int uses = 0;
  if (uses++ % kUsesOfContext == 0)
    current = std::make_unique<Compiler>();
  return *current;
}

} // namespace

// LLVM's allocators poison what is not given out yet where they were compiled with the address
// sanitizer: they would here, in what headers inline, and not take it back in Debian's libraries.
extern "C" const char *__asan_default_options();
extern "C" const char *__asan_default_options() { return "allow_user_poisoning=0"; }

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const absl::string_view text = fuzz::textOf({data, size});
  if (!checkProgramText(text).ok())
    return 0;
  Compiler &with = compiler();
  absl::StatusOr<mlir::OwningOpRef<mlir::ModuleOp>> module = with.parse(text, "fuzz.mlir");
  if (!module.ok() || !checkArtifactProgram(**module).ok())
    return 0;
  static const absl::StatusOr<TargetDescription> target = describeTarget("x86-64-v3");
  require(target.ok());
  CompileOptions options;
  options.targetCpu = target->cpu;
  if (!with.runPhases(**module, Phase::Simplify, Phase::Kernel, *target, options).ok())
    return 0;
  absl::StatusOr<ProgramManifest> manifest = readManifest(**module);
  if (!manifest.ok())
    return 0;
  require(manifest->vocabulary > 0 && manifest->width > 0 && manifest->arenaBytes >= 0);
  return 0;
}
