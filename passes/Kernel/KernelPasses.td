#ifndef LLMC_PASSES_KERNEL_KERNELPASSES_TD
#define LLMC_PASSES_KERNEL_KERNELPASSES_TD

include "mlir/Pass/PassBase.td"

def LlmToKernel : Pass<"llm-to-kernel", "::mlir::ModuleOp"> {
  let summary = "Turns tensor programs into programs on buffers that a team of threads runs";
  let description = [{
    Each tensor becomes a `kernel.alloc`, or the buffer of the function's result when it is returned;
    each `llm` operation becomes one or a few `kernel` operations. A linear layer is a
    `kernel.pack_rows` of its input and a `kernel.matmul` per weight. A block function takes the hidden
    state, the layer's number, the index of its weights in their families, the shared operands and the
    buffer for its result.

    Needs weights with layouts (`llm-assign-layouts`) and the module's `kernel.target`.
  }];
  let dependentDialects = ["::llmc::kernel::KernelDialect"];
}

def KernelPlanMemory : Pass<"kernel-plan-memory", "::mlir::ModuleOp"> {
  let summary = "Gives every buffer of a step its place in the arena";
  let description = [{
    Buffers whose lives do not overlap share memory. The buffers of a block lie behind those of the
    functions that run it. Sets `kernel.arena_bytes` on the module.
  }];
}

def KernelInsertBarriers : Pass<"kernel-insert-barriers", "::mlir::ModuleOp"> {
  let summary = "Inserts a barrier where a thread could see another's unfinished work";
  let description = [{
    An operation waits when it reads memory that was written, or writes memory that was read or
    written, since the last barrier; buffers are compared by their place in the arena. A matrix product
    that combines with another one's rows needs no barrier when both split their rows alike: each thread
    then only reads what it wrote. A block ends with a barrier.

    Needs `kernel-plan-memory`.
  }];
}

#endif
