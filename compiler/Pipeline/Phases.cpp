#include "compiler/Pipeline/Phases.h"
#include "absl/strings/str_cat.h"
#include "compiler/Pipeline/PipelinePasses.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVMPass.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVMPass.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "passes/Autodiff/AutodiffPasses.h"
#include "passes/Fuse/FusePasses.h"
#include "passes/Importance/ImportancePasses.h"
#include "passes/Kernel/KernelPasses.h"
#include "passes/Layout/LayoutPasses.h"
#include "passes/Vector/VectorPasses.h"

using namespace mlir;

namespace llmc {
namespace {

void buildSimplify(OpPassManager &pm, const PhaseOptions &options) {
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  // Last, because a shared input is only known for one when equal values are one.
  if (options.importance != PhaseOptions::Importance::None)
    pm.addPass(llm::createLlmCollectImportance(
        {.output = options.importance == PhaseOptions::Importance::All}));
}

void buildAutodiff(OpPassManager &pm, const PhaseOptions &options) {
  buildAutodiffPipeline(pm, {.gradientCheckpointing = options.gradientCheckpointing,
                             .memoryBudget = options.memoryBudget,
                             .rows = options.stepTokens});
}

void buildFuse(OpPassManager &pm, const PhaseOptions &) {
  buildFusePipeline(pm);
  pm.addPass(createCSEPass());
}

void buildLayout(OpPassManager &pm, const PhaseOptions &) {
  pm.addPass(llm::createLlmAssignLayouts());
}

void buildKernel(OpPassManager &pm, const PhaseOptions &options) {
  pm.addPass(kernel::createLlmToKernel(
      {.compute = options.compute == PhaseOptions::Compute::F32 ? "f32" : "auto"}));
  // Before memory is planned, because what is packed must then live longer.
  pm.addPass(kernel::createKernelGatherPacks());
  pm.addPass(kernel::createKernelPlanMemory());
  // After memory is planned: buffers that share a place must not be used at the same time.
  pm.addPass(kernel::createKernelInsertBarriers());
  // Last, because barriers say which products run at the same time.
  pm.addPass(kernel::createKernelShareProducts());
}

void buildVector(OpPassManager &pm, const PhaseOptions &) {
  pm.addPass(kernel::createKernelToVector());
  pm.addPass(kernel::createVectorExpandFloats());
  // Emission makes a constant at each use.
  pm.addNestedPass<func::FuncOp>(createCSEPass());
}

void buildLlvm(OpPassManager &pm, const PhaseOptions &) {
  OpPassManager &function = pm.nest<func::FuncOp>();
  function.addPass(createSCFToControlFlowPass());
  function.addPass(createConvertVectorToLLVMPass());
  function.addPass(createArithToLLVMConversionPass());
  pm.addPass(createConvertControlFlowToLLVMPass());
  pm.addPass(createConvertFuncToLLVMPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
}

constexpr const char *kModelDialects[] = {"builtin", "func", "arith", "tensor", "llm"};
constexpr const char *kKernelDialects[] = {"builtin", "func", "arith", "llm", "kernel"};
constexpr const char *kVectorDialects[] = {"builtin", "func", "arith", "scf", "vector", "llvm"};
constexpr const char *kLlvmDialects[] = {"builtin", "llvm"};

constexpr PhaseInfo kPhases[] = {
    {Phase::Import, "import", "the model as the frontend built it", nullptr, kModelDialects},
    {Phase::Simplify, "simplify", "canonical form, common subexpressions once", buildSimplify,
     kModelDialects},
    {Phase::Autodiff, "autodiff", "for training, functions that compute gradients", buildAutodiff,
     kModelDialects},
    {Phase::Fuse, "fuse", "operations that share work, fused", buildFuse, kModelDialects},
    {Phase::Layout, "layout", "weights with the layout they have in memory", buildLayout,
     kModelDialects},
    {Phase::Kernel, "kernel", "buffers and barriers for a team of threads", buildKernel,
     kKernelDialects},
    {Phase::Vector, "vector", "vector code in pointer form", buildVector, kVectorDialects},
    {Phase::Llvm, "llvm", "the LLVM dialect", buildLlvm, kLlvmDialects},
    {Phase::Object, "object", "machine code", nullptr, {}},
};

} // namespace

std::span<const PhaseInfo> phases() { return kPhases; }

const PhaseInfo &phaseInfo(Phase phase) { return kPhases[static_cast<int>(phase)]; }

std::optional<Phase> findPhase(absl::string_view name) {
  for (const PhaseInfo &info : kPhases)
    if (name == info.name)
      return info.phase;
  return std::nullopt;
}

void buildPhase(OpPassManager &pm, Phase phase, const PhaseOptions &options) {
  const PhaseInfo &info = phaseInfo(phase);
  if (info.build)
    info.build(pm, options);
  LlmVerifyPhaseOptions verify;
  verify.phase = info.name;
  pm.addPass(createLlmVerifyPhase(verify));
}

// Appends all phases up to the one named, for `--llm-pipeline=PHASE`.
static LogicalResult addPhasesUpTo(OpPassManager &pm, StringRef name,
                                   function_ref<LogicalResult(const Twine &)> error) {
  std::optional<Phase> last = findPhase(absl::string_view(name.data(), name.size()));
  if (!last || *last == Phase::Object)
    return error("--llm-pipeline needs a phase that passes lead to, import to llvm, not '" + name +
                 "'");
  for (const PhaseInfo &info : kPhases)
    if (info.phase <= *last)
      buildPhase(pm, info.phase);
  return success();
}

void registerPhasePasses() {
  registerPass([]() -> std::unique_ptr<Pass> { return createLlmVerifyPhase(); });
  for (const PhaseInfo &info : kPhases)
    if (info.build)
      PassPipelineRegistration<>(
          absl::StrCat("llm-phase-", info.name),
          absl::StrCat("The passes of phase ", info.name, ": ", info.description),
          [phase = info.phase](OpPassManager &pm) { buildPhase(pm, phase); });
  registerPassPipeline("llm-pipeline",
                       "All phases up to the one named, as in --llm-pipeline=vector", addPhasesUpTo,
                       [](function_ref<void(const mlir::detail::PassOptions &)>) {});
}

} // namespace llmc
