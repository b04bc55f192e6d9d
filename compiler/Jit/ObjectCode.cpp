#include "compiler/Jit/ObjectCode.h"
#include "absl/strings/str_cat.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "runtime/abi/EntryPoints.h"
#include "runtime/core/MatrixUnit.h"
#include "llvm/ExecutionEngine/Orc/AbsoluteSymbols.h"
#include "llvm/ExecutionEngine/Orc/ExecutionUtils.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"

namespace llmc {
namespace {

absl::Status toStatus(llvm::Error error, absl::string_view what) {
  return absl::InternalError(absl::StrCat(what, ": ", llvm::toString(std::move(error))));
}

absl::StatusOr<std::string> emit(mlir::ModuleOp module, const TargetDescription &target,
                                 llvm::CodeGenFileType type) {
  absl::StatusOr<std::unique_ptr<llvm::TargetMachine>> machine = makeTargetMachine(target);
  if (!machine.ok())
    return machine.status();
  mlir::registerBuiltinDialectTranslation(*module.getContext());
  mlir::registerLLVMDialectTranslation(*module.getContext());
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> code = mlir::translateModuleToLLVMIR(module, context);
  if (!code)
    return absl::InternalError("the program does not translate to LLVM IR");
  code->setDataLayout((*machine)->createDataLayout());
  code->setTargetTriple((*machine)->getTargetTriple());
  // No LLVM IR passes: on code in this form they take time and gain nothing.
  llvm::SmallString<0> bytes;
  llvm::raw_svector_ostream out(bytes);
  llvm::legacy::PassManager passes;
  if ((*machine)->addPassesToEmitFile(passes, out, nullptr, type))
    return absl::InternalError("LLVM cannot emit this kind of file for the target");
  passes.run(*code);
  return std::string(bytes);
}

} // namespace

absl::StatusOr<std::string> emitObject(mlir::ModuleOp module, const TargetDescription &target) {
  return emit(module, target, llvm::CodeGenFileType::ObjectFile);
}

absl::StatusOr<std::string> emitAssembly(mlir::ModuleOp module, const TargetDescription &target) {
  return emit(module, target, llvm::CodeGenFileType::AssemblyFile);
}

struct LoadedCode::Impl {
  std::unique_ptr<llvm::orc::LLJIT> jit;
};

LoadedCode::LoadedCode(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LoadedCode::~LoadedCode() = default;

absl::StatusOr<std::unique_ptr<LoadedCode>> LoadedCode::load(absl::string_view object) {
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
  auto buffer =
      llvm::MemoryBuffer::getMemBufferCopy(llvm::StringRef(object.data(), object.size()), "llmc.o");
  if (llvm::Error error = (*jit)->addObjectFile(std::move(buffer)))
    return toStatus(std::move(error), "cannot link the compiled code");
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
