#include "compiler/Jit/ObjectCode.h"
#include "absl/strings/str_cat.h"
#include "compiler/Jit/ModuleParts.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "runtime/abi/EntryPoints.h"
#include "runtime/core/CpuCount.h"
#include "runtime/core/MatrixUnit.h"
#include "runtime/core/ThreadTeam.h"
#include "llvm/ExecutionEngine/Orc/AbsoluteSymbols.h"
#include "llvm/ExecutionEngine/Orc/ExecutionUtils.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/Object/Archive.h"
#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include <algorithm>
#include <atomic>

namespace llmc {
namespace {

absl::Status toStatus(llvm::Error error, absl::string_view what) {
  return absl::InternalError(absl::StrCat(what, ": ", llvm::toString(std::move(error))));
}

// A module in LLVM IR, on which one thread at a time may work.
struct TranslatedModule {
  std::unique_ptr<llvm::LLVMContext> context = std::make_unique<llvm::LLVMContext>();
  std::unique_ptr<llvm::Module> code;
};

absl::StatusOr<TranslatedModule> translate(mlir::ModuleOp module) {
  mlir::registerBuiltinDialectTranslation(*module.getContext());
  mlir::registerLLVMDialectTranslation(*module.getContext());
  TranslatedModule result;
  result.code = mlir::translateModuleToLLVMIR(module, *result.context);
  if (!result.code)
    return absl::InternalError("the program does not translate to LLVM IR");
  return result;
}

absl::StatusOr<std::string> emit(llvm::Module &code, const TargetDescription &target,
                                 llvm::CodeGenFileType type) {
  absl::StatusOr<std::unique_ptr<llvm::TargetMachine>> machine = makeTargetMachine(target);
  if (!machine.ok())
    return machine.status();
  code.setDataLayout((*machine)->createDataLayout());
  code.setTargetTriple((*machine)->getTargetTriple());
  // No LLVM IR passes: on code in this form they take time and gain nothing.
  llvm::SmallString<0> bytes;
  llvm::raw_svector_ostream out(bytes);
  llvm::legacy::PassManager passes;
  if ((*machine)->addPassesToEmitFile(passes, out, nullptr, type, /*DisableVerify=*/true))
    return absl::InternalError("LLVM cannot emit this kind of file for the target");
  passes.run(code);
  return std::string(bytes);
}

absl::StatusOr<std::string> emitWhole(mlir::ModuleOp module, const TargetDescription &target,
                                      llvm::CodeGenFileType type) {
  absl::StatusOr<TranslatedModule> translated = translate(module);
  if (!translated.ok())
    return translated.status();
  return emit(*translated->code, target, type);
}

absl::StatusOr<std::string> archiveOf(const std::vector<std::string> &objects) {
  std::vector<std::string> names;
  for (size_t i = 0; i < objects.size(); ++i)
    names.push_back(absl::StrCat(i, ".o"));
  std::vector<llvm::NewArchiveMember> members;
  for (size_t i = 0; i < objects.size(); ++i)
    members.emplace_back(llvm::MemoryBufferRef(objects[i], names[i]));
  llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> archive = llvm::writeArchiveToBuffer(
      members, llvm::SymtabWritingMode::NormalSymtab, llvm::object::Archive::K_GNU,
      /*Deterministic=*/true, /*Thin=*/false);
  if (!archive)
    return toStatus(archive.takeError(), "cannot put the object code together");
  return (*archive)->getBuffer().str();
}

absl::Status addArchive(llvm::orc::LLJIT &jit, absl::string_view bytes) {
  constexpr absl::string_view kCannot = "cannot link the compiled code";
  llvm::Expected<std::unique_ptr<llvm::object::Archive>> archive = llvm::object::Archive::create(
      llvm::MemoryBufferRef(llvm::StringRef(bytes.data(), bytes.size()), "llmc.a"));
  if (!archive)
    return toStatus(archive.takeError(), kCannot);
  absl::Status status;
  llvm::Error error = llvm::Error::success();
  for (const llvm::object::Archive::Child &member : (*archive)->children(error)) {
    llvm::Expected<llvm::StringRef> object = member.getBuffer();
    // A copy, because members need not be aligned.
    llvm::Error added =
        object ? jit.addObjectFile(llvm::MemoryBuffer::getMemBufferCopy(*object, "llmc.o"))
               : object.takeError();
    if (added)
      status.Update(toStatus(std::move(added), kCannot));
  }
  if (error)
    status.Update(toStatus(std::move(error), kCannot));
  return status;
}

} // namespace

absl::StatusOr<std::string> emitArchive(mlir::ModuleOp module, const TargetDescription &target) {
  const ModuleParts parts(module);
  std::vector<TranslatedModule> modules;
  for (mlir::ModuleOp part : parts.modules()) {
    absl::StatusOr<TranslatedModule> translated = translate(part);
    if (!translated.ok())
      return translated.status();
    // Other parts call what this one defines.
    for (llvm::Function &function : *translated->code)
      if (function.hasInternalLinkage())
        function.setLinkage(llvm::GlobalValue::ExternalLinkage);
    modules.push_back(*std::move(translated));
  }
  std::vector<std::string> objects(modules.size());
  std::vector<absl::Status> status(modules.size());
  std::atomic<size_t> next = 0;
  ThreadTeam team(std::min<unsigned>(availableCpus(), modules.size()));
  team.run([&](unsigned, unsigned) {
    for (size_t i; (i = next++) < modules.size();) {
      absl::StatusOr<std::string> object =
          emit(*modules[i].code, target, llvm::CodeGenFileType::ObjectFile);
      if (object.ok())
        objects[i] = *std::move(object);
      status[i] = object.status();
    }
  });
  for (const absl::Status &one : status)
    if (!one.ok())
      return one;
  return archiveOf(objects);
}

absl::StatusOr<std::string> emitObject(mlir::ModuleOp module, const TargetDescription &target) {
  return emitWhole(module, target, llvm::CodeGenFileType::ObjectFile);
}

absl::StatusOr<std::string> emitAssembly(mlir::ModuleOp module, const TargetDescription &target) {
  return emitWhole(module, target, llvm::CodeGenFileType::AssemblyFile);
}

struct LoadedCode::Impl {
  std::unique_ptr<llvm::orc::LLJIT> jit;
};

LoadedCode::LoadedCode(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LoadedCode::~LoadedCode() = default;

absl::StatusOr<std::unique_ptr<LoadedCode>> LoadedCode::load(absl::string_view archive) {
  // Code for another CPU's name may use the matrix unit, too.
  enableMatrixUnit();
  if (absl::StatusOr<TargetDescription> host = describeTarget("native"); !host.ok())
    return host.status();
  llvm::Expected<std::unique_ptr<llvm::orc::LLJIT>> jit = llvm::orc::LLJITBuilder().create();
  if (!jit)
    return toStatus(jit.takeError(), "cannot start the linker");
  llvm::orc::SymbolMap symbols;
#define LLMC_ENTRY_POINT(name)                                                                     \
  symbols[(*jit)->mangleAndIntern(#name)] = {llvm::orc::ExecutorAddr::fromPtr(&::name),            \
                                             llvm::JITSymbolFlags::Exported};
#include "runtime/abi/EntryPoints.def"
#undef LLMC_ENTRY_POINT
  if (llvm::Error error =
          (*jit)->getMainJITDylib().define(llvm::orc::absoluteSymbols(std::move(symbols))))
    return toStatus(std::move(error), "cannot define the runtime's entry points");
  if (absl::Status status = addArchive(**jit, archive); !status.ok())
    return status;
  auto impl = std::make_unique<Impl>();
  impl->jit = std::move(*jit);
  return std::unique_ptr<LoadedCode>(new LoadedCode(std::move(impl)));
}

absl::StatusOr<StepFunction> LoadedCode::find(absl::string_view name) const {
  llvm::Expected<llvm::orc::ExecutorAddr> address =
      impl_->jit->lookup(llvm::StringRef(name.data(), name.size()));
  if (!address)
    return toStatus(address.takeError(),
                    absl::StrCat("cannot find compiled function '", name, "'"));
  return address->toPtr<StepFunction>();
}

} // namespace llmc
