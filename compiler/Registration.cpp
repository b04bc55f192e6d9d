#include "compiler/Registration.h"
#include "compiler/Pipeline/Phases.h"
#include "dialects/kernel/IR/KernelDialect.h"
#include "dialects/llm/IR/LlmDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "passes/Autodiff/AutodiffPasses.h"
#include "passes/Fuse/FusePasses.h"
#include "passes/Importance/ImportancePasses.h"
#include "passes/Kernel/KernelPasses.h"
#include "passes/Layout/LayoutPasses.h"
#include "passes/Vector/VectorPasses.h"

void llmc::registerLlmcDialects(mlir::DialectRegistry &registry) {
  registry.insert<llm::LlmDialect, kernel::KernelDialect>();
  registry
      .insert<mlir::arith::ArithDialect, mlir::func::FuncDialect, mlir::LLVM::LLVMDialect,
              mlir::scf::SCFDialect, mlir::tensor::TensorDialect, mlir::vector::VectorDialect>();
}

void llmc::registerLlmcPasses() {
  mlir::registerCanonicalizerPass();
  mlir::registerCSEPass();
  registerLlmcAutodiffPasses();
  mlir::PassPipelineRegistration<>("llm-autodiff",
                                   "Differentiation, in the order of the autodiff phase",
                                   [](mlir::OpPassManager &pm) { buildAutodiffPipeline(pm, {}); });
  registerLlmcFusePasses();
  mlir::PassPipelineRegistration<>("llm-fuse", "All fusions, in the order of the fuse phase",
                                   buildFusePipeline);
  llm::registerImportancePasses();
  llm::registerLayoutPasses();
  kernel::registerKernelPasses();
  kernel::registerVectorPasses();
  registerPhasePasses();
}
