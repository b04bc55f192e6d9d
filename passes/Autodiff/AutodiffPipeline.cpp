#include "mlir/Pass/PassManager.h"
#include "passes/Autodiff/AutodiffPasses.h"

void llmc::buildAutodiffPipeline(mlir::OpPassManager &pm, const SaveActivationsOptions &options) {
  // First, so that whatever cannot be differentiated is found before anything is built.
  pm.addPass(createMarkActive());
  pm.addPass(createBuildAdjoints());
  // Before anything moves: it finds operations of an adjoint in the block by their number.
  pm.addPass(createSaveActivations(options));
  // Last, because only now is it known what is not needed.
  pm.addPass(createFoldAdjoints());
}
