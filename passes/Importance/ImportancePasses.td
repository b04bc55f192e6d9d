#ifndef LLMC_PASSES_IMPORTANCE_IMPORTANCEPASSES_TD
#define LLMC_PASSES_IMPORTANCE_IMPORTANCEPASSES_TD

include "mlir/Pass/PassBase.td"

def LlmCollectImportance : Pass<"llm-collect-importance", "::mlir::ModuleOp"> {
  let summary = "Sum the squares of what each linear layer multiplies";
  let description = [{
    Puts an `llm.sum_squares` behind every value that is the input of linear layers, and declares the
    sums it adds to, with the weights that they are of. What several layers share, such as the input of
    query, key and value, is summed once.

    Meant for a simplified program before fusion: equal inputs are one value by then, and no linear
    layer has taken in the operation that yields its input. Fusion leaves such operations whole,
    because their results have another use.

    ```mlir
    %q = llm.linear %x, %wq : tensor<?x64xf32>, tensor<64x64xf16> -> tensor<?x64xf32>
    %k = llm.linear %x, %wk : tensor<?x64xf32>, tensor<32x64xf16> -> tensor<?x32xf32>
    // in a block of two layers becomes
    llm.state @importance.0 : !llm.column_sums<layers = 2, columns = 64> of [@blk.attn_q, @blk.attn_k]
    ...
    %sums = llm.get_state @importance.0 : !llm.column_sums<layers = 2, columns = 64>
    llm.sum_squares %x into %sums[%layer] : tensor<?x64xf32>, !llm.column_sums<layers = 2, columns = 64>
    %q = llm.linear %x, %wq : tensor<?x64xf32>, tensor<64x64xf16> -> tensor<?x64xf32>
    %k = llm.linear %x, %wk : tensor<?x64xf32>, tensor<32x64xf16> -> tensor<?x32xf32>
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::llmc::llm::LlmDialect"];
  let options = [
    Option<"output", "output", "bool", "false",
           "Also measure linear layers outside of the blocks, such as the output matrix">,
  ];
}

#endif
