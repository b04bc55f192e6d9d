#ifndef LLMC_PASSES_VECTOR_VECTORPASSES_TD
#define LLMC_PASSES_VECTOR_VECTORPASSES_TD

include "mlir/Pass/PassBase.td"

def KernelToVector : Pass<"kernel-to-vector", "::mlir::ModuleOp"> {
  let summary = "Turns kernel operations into calls of generated vector code";
  let description = [{
    Each operation becomes a call of a function of vector code in pointer form; functions are made on
    demand, one per distinct variant. A public function becomes
    `f(context: ptr, thread: i64, threads: i64)`, the runtime's StepFunction, and finds its arguments in
    the StepContext; a private one takes its arguments after those three. Weights and states become
    loads from the context's tables, in the order of the module's symbols, which go away.

    Needs `kernel-plan-memory` and `kernel-insert-barriers`.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect", "::mlir::LLVM::LLVMDialect"];
}

#endif
