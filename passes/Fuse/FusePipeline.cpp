#include "mlir/Pass/PassManager.h"
#include "passes/Fuse/FusePasses.h"

void llmc::buildFusePipeline(mlir::OpPassManager &pm) {
  // First, because the activation below is looked for as one operation.
  pm.addPass(createFuseGate());
  // Before residuals are taken by linears, because that of experts is the sum of another linear.
  pm.addPass(createFuseExperts());
  // Before all that follow, because they only know llm.fused_linear, which this makes of
  // llm.linear.
  pm.addPass(createFuseSharedInput());
  // After the linears are joined, because a norm that feeds query, key and value has three uses
  // before and one after.
  pm.addPass(createFuseNorm());
  // After the linears are joined, because a product only takes a residual when it is its linear's
  // first.
  pm.addPass(createFuseResidual());
  // After the linears are joined, because gate and up must be products of one.
  pm.addPass(createFuseActivation());
  // Last only because it is the one that nothing else waits for: it looks at no linear.
  pm.addPass(createFuseAttention());
}
