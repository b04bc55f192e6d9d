#ifndef LLMC_PASSES_AUTODIFF_AUTODIFFPASSES_TD
#define LLMC_PASSES_AUTODIFF_AUTODIFFPASSES_TD

include "mlir/Pass/PassBase.td"

// In the order of the pipeline; AutodiffPipeline.cpp says why. A module without a function that has the
// attribute llm.differentiate passes them unchanged.
class AutodiffPass<string flag> : Pass<flag, "::mlir::ModuleOp"> {
  let dependentDialects = ["::llmc::llm::LlmDialect"];
}

def MarkActive : AutodiffPass<"llm-mark-active"> {
  let summary = "Mark the operations through which derivatives flow";
  let description = [{
    In each function with the attribute `llm.differentiate`, and in the blocks of the `llm.layers` in
    it, gives the attribute `llm.active` to operations whose first result depends on a parameter and
    influences the function's results, and to such parameters of the functions. A block takes part with
    its hidden state and the parameters among its weights.

    Errors are an operation on the way that has no rule (`Differentiable`) or none for one of the
    operands on the way, an operation that writes to memory what depends on a parameter, where the
    derivative would get lost (such as `llm.cache_write`), a use of another than the first result, and
    a function whose results depend on no parameter.

    ```mlir
    func.func @f(%x: tensor<?x64xf32>) -> tensor<?x8xf32> attributes {llm.differentiate} {
      %a = llm.get_parameter @a : tensor<8x64xf32>
      %u = llm.matmul %x, %a transposed : tensor<?x64xf32>, tensor<8x64xf32> -> tensor<?x8xf32>
      return %u : tensor<?x8xf32>
    }
    // gets
      %a = llm.get_parameter @a {llm.active} : tensor<8x64xf32>
      %u = llm.matmul %x, %a transposed {llm.active} : ...
    ```
  }];
}

def BuildAdjoints : AutodiffPass<"llm-build-adjoints"> {
  let summary = "Make functions that compute gradients";
  let description = [{
    For each function `@f` with the attribute `llm.differentiate`, makes a function `@f.gradient` that
    takes, after the parameters of `@f`, the derivative of a scalar by each result of `@f`, yields what
    `@f` yields, and adds the derivative of the scalar by each `llm.parameter` to its gradient. `@f`
    stays as it is, for evaluation.

    The function has the operations of `@f` and then, in reverse order, what the rules of the active
    ones build. An active `llm.layers` runs blocks `<block>.forward`, which yield their own hidden state
    too, and its adjoint runs `<block>.adjoint`. Those compute the block again from that, whose
    operations have the attribute `llm.primal` with their number in the block; `llm-save-activations`
    decides what is kept instead.

    ```mlir
    func.func @f.gradient(%x: tensor<?x64xf32>, %du: tensor<?x8xf32>) -> tensor<?x8xf32> {
      %a = llm.get_parameter @a : tensor<8x64xf32>
      %u = llm.matmul %x, %a transposed : tensor<?x64xf32>, tensor<8x64xf32> -> tensor<?x8xf32>
      %da = llm.outer %du, %x : tensor<?x8xf32>, tensor<?x64xf32> -> tensor<8x64xf32>
      llm.accumulate_gradient %da into @a : tensor<8x64xf32>
      return %u : tensor<?x8xf32>
    }
    ```

    Expects the marks of `llm-mark-active` and removes them.
  }];
}

def SaveActivations : AutodiffPass<"llm-save-activations"> {
  let summary = "Choose what blocks keep for their adjoints and what is computed again";
  let description = [{
    Adjoints of blocks compute their block again from its hidden state. Operations that nothing in the
    adjoint needs are removed. Unless `gradient-checkpointing` is set, results are then kept instead, as
    long as they fit into `memory-budget`: each time those of the operation that saves the most
    multiplications for a byte, counting what is only needed to compute it. Results that save fewer than
    4 for a byte, such as those of norms and activations, are always computed again: reading them back
    takes as long. The hidden state is not kept where nothing needs it any more.

    ```mlir
    func.func private @block.0.adjoint(%dy: !t, %layer: index, %h: !t, %w: !w) -> !t {
      %y = llm.linear %h, %w {llm.primal = 0 : i64} : ...
      %dx = llm.silu_adjoint %dy, %y : !t
      ...
    // becomes, with gradient-checkpointing=false
    func.func private @block.0.adjoint(%dy: !t, %layer: index, %y: !t, %w: !w) -> !t {
      %dx = llm.silu_adjoint %dy, %y : !t
      ...
    ```
  }];
  let options = [
    Option<"gradientCheckpointing", "gradient-checkpointing", "bool", "true",
           "Keep the hidden state only, and compute all else again">,
    Option<"memoryBudget", "memory-budget", "int64_t", "0",
           "Bytes that what is kept besides may take, in all layers; 0 for any number">,
    Option<"rows", "rows", "int64_t", "1",
           "Tokens of a step: the sequences of a batch, times their length">,
  ];
}

def FoldAdjoints : AutodiffPass<"llm-fold-adjoints"> {
  let summary = "Clean up after differentiation";
  let description = [{
    * A sum of a product and something else becomes the product's addend: `llm.matmul` and
      `llm.linear_transposed` add to what is there instead of writing to a buffer of their own. Where
      both are products, the later one takes the earlier.
    * What is scaled by zero is not computed.
    * Adjoints that nobody uses go away, with all that only they need.

    ```mlir
    %a = llm.linear_transposed %dq, %wq : tensor<?x64xf32>, tensor<64x64xf16> -> tensor<?x64xf32>
    %b = llm.linear_transposed %dk, %wk : tensor<?x32xf32>, tensor<32x64xf16> -> tensor<?x64xf32>
    %dx = llm.add %a, %b : tensor<?x64xf32>
    // becomes
    %a = llm.linear_transposed %dq, %wq : tensor<?x64xf32>, tensor<64x64xf16> -> tensor<?x64xf32>
    %dx = llm.linear_transposed %dk, %wk plus %a : tensor<?x64xf32>
        : tensor<?x32xf32>, tensor<32x64xf16> -> tensor<?x64xf32>
    ```

    A module without parameters stays as it is.
  }];
}

#endif
