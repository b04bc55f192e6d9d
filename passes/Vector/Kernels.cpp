#include "passes/Vector/Kernels.h"
#include "runtime/abi/EntryPoints.h"
#include "runtime/abi/StepContext.h"
#include <type_traits>

using namespace mlir;

namespace llmc::kernel {

KernelLibrary::KernelLibrary(ModuleOp module, TargetAttr target) : module(module), target(target) {
  auto add = [&](auto op, bool bias) {
    auto weight = cast<RankedTensorType>(op.getWeight().getType());
    products.push_back({llm::getBlockFormat(weight.getElementType()), op.getEpilogue(), bias});
  };
  module.walk([&](MatmulOp op) { add(op, op.getBias() != nullptr); });
  module.walk([&](ExpertMatmulOp op) { add(op, false); });
}

func::FuncOp KernelLibrary::get(StringRef name, ArrayRef<Type> parameters, Location loc,
                                const Body &body) {
  func::FuncOp &function = functions_[name];
  if (function)
    return function;
  OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
  function = func::FuncOp::create(b, loc, name, b.getFunctionType(parameters, {}));
  function.setPrivate();
  // Internal functions are called directly, not through a table.
  function->setAttr("llvm.linkage",
                    LLVM::LinkageAttr::get(b.getContext(), LLVM::Linkage::Internal));
  func::FuncOp made = function; // the map may grow while the body asks for other functions
  Block *entry = made.addEntryBlock();
  b.setInsertionPointToStart(entry);
  Emitter e(b, loc);
  e.prefetchFar = target.getPrefetchFar();
  e.prefetchNear = target.getPrefetchNear();
  body(e, entry->getArguments());
  func::ReturnOp::create(b, loc);
  return made;
}

Value KernelLibrary::scratch(Emitter &e, const Team &team) {
  auto bytes = module->getAttrOfType<IntegerAttr>(kScratchBytesAttrName);
  Value base = e.load(e.ptr, e.gep(team.context, stepFieldOffset(StepField::scratch)), 8);
  return e.gep(base, e.mul(team.thread, e.c64(bytes ? bytes.getInt() : 0)));
}

Value KernelLibrary::constantArray(Emitter &e, DenseElementsAttr values) {
  LLVM::GlobalOp &global = arrays_[values];
  if (!global) {
    OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
    auto type = cast<ShapedType>(values.getType());
    auto array = LLVM::LLVMArrayType::get(type.getElementType(), type.getNumElements());
    std::string name = "constant." + std::to_string(arrays_.size());
    global = LLVM::GlobalOp::create(b, e.loc, array, /*isConstant=*/true, LLVM::Linkage::Internal,
                                    name, values, /*alignment=*/64);
  }
  return e.create<LLVM::AddressOfOp>(e.ptr, global.getSymName());
}

namespace {

template <class T>
Type typeOf(Emitter &e) {
  if constexpr (std::is_pointer_v<T>)
    return e.ptr;
  else if constexpr (std::is_same_v<T, double>)
    return e.b.getF64Type();
  else {
    static_assert(std::is_same_v<T, int64_t>, "entry points take pointers, int64_t and double");
    return e.i64;
  }
}

template <class... Arguments>
SmallVector<Type> parameterTypes(Emitter &e, void (*)(Arguments...)) {
  return {typeOf<Arguments>(e)...};
}

SmallVector<Type> entryPointTypes(Emitter &e, StringRef name) {
#define LLMC_ENTRY_POINT(function)                                                                 \
  if (name == #function)                                                                           \
    return parameterTypes(e, &::function);
#include "runtime/abi/EntryPoints.def"
#undef LLMC_ENTRY_POINT
  llvm_unreachable("not in EntryPoints.def");
}

} // namespace

void KernelLibrary::callRuntime(Emitter &e, StringRef name, ValueRange arguments) {
  auto function = module.lookupSymbol<func::FuncOp>(name);
  if (!function) {
    OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
    function =
        func::FuncOp::create(b, e.loc, name, b.getFunctionType(entryPointTypes(e, name), {}));
    function.setPrivate();
  }
  e.create<func::CallOp>(function, arguments);
}

void emitBarrier(OpEmission &emission, BarrierOp) {
  Emitter &e = emission.e;
  Value team = e.load(e.ptr, e.gep(emission.team.context, stepFieldOffset(StepField::team)), 8);
  emission.library.callRuntime(e, "llmc_team_barrier", team);
}

} // namespace llmc::kernel
