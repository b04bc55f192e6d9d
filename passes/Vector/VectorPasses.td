#ifndef LLMC_PASSES_VECTOR_VECTORPASSES_TD
#define LLMC_PASSES_VECTOR_VECTORPASSES_TD

include "mlir/Pass/PassBase.td"

def KernelToVector : Pass<"kernel-to-vector", "::mlir::ModuleOp"> {
  let summary = "Turn kernel operations into calls of generated vector code";
  let description = [{
    Each operation becomes a call of a function of vector code in pointer form; functions are made on
    demand, one per distinct variant. A public function becomes
    `f(context: ptr, thread: i64, threads: i64)`, the runtime's StepFunction, and finds its arguments in
    the StepContext; a private one takes its arguments after those three. Weights and states become
    loads from the context's tables, in the order of the module's symbols, which go away.
    `kernel.layers` becomes a loop over the layers, whatever their number.

    ```mlir
    func.func @f(%x: !kernel.buffer<64 x f32>, %y: !kernel.buffer<64 x f32>) {
      kernel.map silu %x into %y : !kernel.buffer<64 x f32>, !kernel.buffer<64 x f32>
      return
    }
    // becomes
    func.func @f(%context: !llvm.ptr, %thread: i64, %threads: i64) {
      // ... loads the number of rows and the addresses of x and y from the context
      %vectors = arith.muli %rows, %c4 : i64
      call @map.silu(%thread, %threads, %vectors, %x, %x, %y) : (i64, i64, i64, !llvm.ptr, !llvm.ptr, !llvm.ptr) -> ()
      return
    }
    func.func private @map.silu(...) { /* a loop over this thread's share of the vectors */ }
    ```

    Needs `kernel-plan-memory` and `kernel-insert-barriers`.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect", "::mlir::LLVM::LLVMDialect"];
}

def VectorExpandFloats : Pass<"vector-expand-floats", "::mlir::ModuleOp"> {
  let summary = "Make float operations that the CPU lacks of ones that it has";
  let description = [{
    Where the target has plain dot products only, there are neither fused products and sums nor
    conversions of f16, and code would call the C library for each element. A fused product and sum
    becomes one and the other, rounded twice; conversions become integer arithmetic, rounding to even.

    ```mlir
    %z = llvm.intr.fma(%a, %b, %c) : (vector<16xf32>, vector<16xf32>, vector<16xf32>) -> vector<16xf32>
    // becomes
    %p = arith.mulf %a, %b : vector<16xf32>
    %z = arith.addf %p, %c : vector<16xf32>
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::vector::VectorDialect"];
}

#endif
