#ifndef LLMC_PASSES_KERNEL_KERNELPASSES_TD
#define LLMC_PASSES_KERNEL_KERNELPASSES_TD

include "mlir/Pass/PassBase.td"

def LlmToKernel : Pass<"llm-to-kernel", "::mlir::ModuleOp"> {
  let summary = "Turn tensor programs into programs on buffers that a team of threads runs";
  let description = [{
    Each tensor becomes a `kernel.alloc`, or the buffer of the function's result when it is returned;
    each `llm` operation becomes one or a few `kernel` operations. A linear layer is a
    `kernel.pack_rows` of its input, two when some of its weights are floats and some are blocks, and a
    `kernel.matmul` per weight. A block function takes the hidden state, the layer's number, the index
    of its weights in their families, the shared operands and the buffer for its result.

    ```mlir
    func.func @f(%x: tensor<?x64xf32>) -> tensor<?x32xf32> {
      %w = llm.get_weight @w : tensor<32x64xf16, #llm.packed<rows = 16>>
      %y = llm.fused_linear %x weights(%w)
          : (tensor<?x64xf32>, tensor<32x64xf16, #llm.packed<rows = 16>>) -> tensor<?x32xf32>
      return %y : tensor<?x32xf32>
    }
    // becomes
    func.func @f(%x: !kernel.buffer<64 x f32>, %y: !kernel.buffer<32 x f32>) {
      %w = kernel.get_weight @w : tensor<32x64xf16, #llm.packed<rows = 16>>
      %p = kernel.alloc at -1 : !kernel.packed<64 x f32, tiles = [1, 2], corrections = [], sums = []>
      kernel.pack_rows %x, %p : ...
      kernel.matmul %p, %w, %y : ...
      return
    }
    ```

    For each format that has packed weights, a public function `@pack.<format>(%source, %packed, %rows,
    %columns)` packs a matrix.

    In a module with parameters, linear layers become `kernel.product`, which have adjoints, instead of
    the matrix products of inference: by the matrix unit where the target has one, unless `compute` is
    `f32`.

    Needs weights with layouts (`llm-assign-layouts`) and the module's `kernel.target`.
  }];
  let options = [Option<"compute", "compute", "std::string", "\"auto\"",
                        "Arithmetic of products with frozen weights in training: auto or f32">];
  let dependentDialects = ["::llmc::kernel::KernelDialect", "::mlir::func::FuncDialect"];
}

def KernelGatherPacks : Pass<"kernel-gather-packs", "::mlir::ModuleOp"> {
  let summary = "Pack the inputs of independent products before the first of them";
  let description = [{
    A `kernel.pack_rows` that only products separate from an earlier one moves up to it, unless one of
    them writes its input. So one barrier is enough for several small products, as those of adapters are.

    ```mlir
    kernel.pack_rows %u, %p : ...
    kernel.matmul %p, %b, %q other %q {epilogue = #kernel.epilogue<add>} : ...
    kernel.pack_rows %v, %r : ...
    kernel.matmul %r, %c, %k other %k {epilogue = #kernel.epilogue<add>} : ...
    // becomes
    kernel.pack_rows %u, %p : ...
    kernel.pack_rows %v, %r : ...
    kernel.matmul %p, %b, %q other %q {epilogue = #kernel.epilogue<add>} : ...
    kernel.matmul %r, %c, %k other %k {epilogue = #kernel.epilogue<add>} : ...
    ```
  }];
}

def KernelPlanMemory : Pass<"kernel-plan-memory", "::mlir::ModuleOp"> {
  let summary = "Give every buffer of a step its place in the arena";
  let description = [{
    Buffers whose lives do not overlap share memory: the largest is placed first, each at the lowest
    offset where nothing lies that lives at the same time. The operand and the result of one operation
    live at the same time, and so do those of products, or of packings, that follow one another: else
    they had to wait for each other. The buffers of blocks lie behind those of the functions that run them. Sets
    `kernel.arena_bytes`, the size of the whole, on the module, and `kernel.scratch_bytes`, what each
    thread needs for itself. A buffer has room for the target's
    `max_rows` and the padding of the last token tile.

    ```mlir
    %a = kernel.alloc at -1 : !kernel.buffer<64 x f32>
    // becomes
    %a = kernel.alloc at 131840 : !kernel.buffer<64 x f32>
    ```
  }];
}

def KernelInsertBarriers : Pass<"kernel-insert-barriers", "::mlir::ModuleOp"> {
  let summary = "Insert a barrier where a thread could see another's unfinished work";
  let description = [{
    An operation waits when it reads memory that was written, or writes memory that was read or
    written, since the last barrier; buffers are compared by their place in the arena. A matrix product
    that combines with another one's rows needs no barrier when both split their rows alike: each thread
    then only reads what it wrote. All handles of the KV cache stand for one memory; parameters lie
    apart from each other and from the arena. A block ends with a barrier, and `kernel.layers` begins
    after one when anything is pending.

    ```mlir
    kernel.pack_rows %x, %p : ...
    kernel.barrier
    kernel.matmul %p, %gate, %g : ...
    kernel.matmul %p, %up, %g other %g {epilogue = #kernel.epilogue<swiglu>} : ...
    kernel.barrier
    kernel.pack_rows %g, %q : ...
    ```

    Needs `kernel-plan-memory`.
  }];
}

def KernelShareProducts : Pass<"kernel-share-products", "::mlir::ModuleOp"> {
  let summary = "Split products between two barriers among the threads as if they were one";
  let description = [{
    A product of few rows cannot be split: one thread would have all of it, and the others would wait.
    Where one has fewer groups of rows than 8, all products between the same two barriers get a `share`,
    so that who has it has less of the others. Products of which one combines with another's rows are
    left alone, because threads then rely on having the same rows of both.

    ```mlir
    kernel.matmul %p, %w, %y : ...
    kernel.matmul %p, %a, %u : ...
    // becomes
    kernel.matmul %p, %w, %y {share = array<i64: 0, 36864>} : ...
    kernel.matmul %p, %a, %u {share = array<i64: 32768, 36864>} : ...
    ```

    Needs `kernel-insert-barriers`.
  }];
}

#endif
