#ifndef LLMC_PASSES_LAYOUT_LAYOUTPASSES_TD
#define LLMC_PASSES_LAYOUT_LAYOUTPASSES_TD

include "mlir/Pass/PassBase.td"

def LlmAssignLayouts : Pass<"llm-assign-layouts", "::mlir::ModuleOp"> {
  let summary = "Choose how each weight lies in memory";
  let description = [{
    Gives every matrix that some linear layer multiplies the encoding `#llm.packed`, on its symbol, on
    the operations that name it and on the parameters of the blocks that take it. A matrix that is only
    looked up by `llm.embed` stays as it lies in the GGUF, so that it need not be copied; one that is
    used for both is packed. So is a parameter that stands in the place of a weight, looked-up ones
    included, as there is nothing to copy; the operations that compute its derivative yield the same
    encoding.

    ```mlir
    llm.weight @output : tensor<32000x2048x!llm.block<q6_K>> from "output.weight"
    // becomes
    llm.weight @output : tensor<32000x2048x!llm.block<q6_K>, #llm.packed<rows = 16>> from "output.weight"
    ```
  }];
}

#endif
