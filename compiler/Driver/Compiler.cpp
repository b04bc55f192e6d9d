#include "compiler/Driver/Compiler.h"
#include "absl/strings/str_cat.h"
#include "compiler/Artifact/UserKey.h"
#include "compiler/Driver/Manifest.h"
#include "compiler/Driver/ObjectCache.h"
#include "compiler/Jit/ObjectCode.h"
#include "compiler/Registration.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include <chrono>

using namespace mlir;

namespace llmc {
namespace {

// Collects the errors of everything that runs while it lives.
class ErrorCollector {
public:
  explicit ErrorCollector(MLIRContext *context)
      : handler_(context, [this](Diagnostic &diagnostic) {
          if (diagnostic.getSeverity() != DiagnosticSeverity::Error)
            return success();
          std::string text;
          llvm::raw_string_ostream(text) << diagnostic.getLocation() << ": " << diagnostic;
          if (text_.empty())
            text_ = text;
          return success();
        }) {}

  absl::Status status(absl::string_view what) const {
    return absl::InternalError(absl::StrCat(what, text_.empty() ? "" : ": ", text_));
  }

private:
  std::string text_;
  ScopedDiagnosticHandler handler_;
};

double secondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

DialectRegistry dialects() {
  DialectRegistry registry;
  registerLlmcDialects(registry);
  return registry;
}

} // namespace

Compiler::Compiler() : context_(dialects(), MLIRContext::Threading::DISABLED) {
  context_.loadAllAvailableDialects();
}

absl::StatusOr<OwningOpRef<ModuleOp>> Compiler::parse(absl::string_view text,
                                                      absl::string_view name) {
  ErrorCollector errors(&context_);
  ParserConfig config(&context_);
  // MLIR's lexer reads on up to a zero byte, which a part of a file need not have.
  const std::string terminated(text);
  OwningOpRef<ModuleOp> module =
      parseSourceString<ModuleOp>(terminated, config, StringRef(name.data(), name.size()));
  if (!module)
    return errors.status(absl::StrCat(name, " does not parse"));
  return module;
}

absl::Status Compiler::runPhases(ModuleOp module, Phase first, Phase last,
                                 const TargetDescription &target, const CompileOptions &options) {
  module->setAttr(kernel::kTargetAttrName, targetAttribute(&context_, target, options.maxRows));
  RemarkListener remarks(context_, options.remark);
  for (const PhaseInfo &info : phases()) {
    if (!info.build || info.phase < first || info.phase > last)
      continue;
    auto start = std::chrono::steady_clock::now();
    ErrorCollector errors(&context_);
    PassManager pm(&context_);
    buildPhase(pm, info.phase, options.phases);
    // From here on the program is large and our own: it is enough to verify what a phase ends with.
    const bool everyPass = info.phase < Phase::Vector;
    pm.enableVerifier(everyPass);
    if (failed(pm.run(module)) || (!everyPass && failed(verify(module))))
      return errors.status(absl::StrCat("phase ", info.name, " failed"));
    if (options.observer)
      if (absl::Status status = options.observer(info.phase, module, secondsSince(start));
          !status.ok())
        return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<CompiledModel> Compiler::compile(ModuleOp module, const CompileOptions &options) {
  absl::StatusOr<TargetDescription> target = describeTarget(options.targetCpu);
  if (!target.ok())
    return target.status();
  if (options.tiles)
    target->tiles = *options.tiles;
  if (options.observer)
    if (absl::Status status = options.observer(Phase::Import, module, 0); !status.ok())
      return status;
  CompiledModel result{*target, {}, "", {}, false};
  if (absl::Status status = runPhases(module, Phase::Simplify, Phase::Kernel, *target, options);
      !status.ok())
    return status;
  absl::StatusOr<ProgramManifest> manifest = readManifest(module);
  if (!manifest.ok())
    return manifest.status();
  result.manifest = std::move(*manifest);

  std::optional<UserKey> key;
  if (!options.keyPath.empty()) {
    absl::StatusOr<UserKey> opened = UserKey::open(options.keyPath);
    // Without a place for a key there is none for code either; a key that is not to be trusted is
    // the user's to look at.
    if (!opened.ok() && !absl::IsUnavailable(opened.status()))
      return opened.status();
    if (opened.ok())
      key.emplace(*std::move(opened));
  }
  const std::string origin = ObjectCache::key(module, *target);
  if (key && !options.observer) {
    std::optional<std::string> object = openSealed(*key, origin, options.carriedCode);
    if (!object)
      object = ObjectCache(options.cacheDirectory, *key).find(origin);
    if (object) {
      result.object = std::move(*object);
      result.seal = sealCode(*key, origin, result.object);
      result.fromCache = true;
      return result;
    }
  }
  if (absl::Status status = runPhases(module, Phase::Vector, Phase::Llvm, *target, options);
      !status.ok())
    return status;
  auto start = std::chrono::steady_clock::now();
  absl::StatusOr<std::string> object = emitArchive(module, *target);
  if (!object.ok())
    return object.status();
  result.object = std::move(*object);
  if (options.observer)
    if (absl::Status status = options.observer(Phase::Object, module, secondsSince(start));
        !status.ok())
      return status;
  if (key) {
    result.seal = sealCode(*key, origin, result.object);
    ObjectCache(options.cacheDirectory, *key).store(origin, result.object, result.seal);
  }
  return result;
}

} // namespace llmc
