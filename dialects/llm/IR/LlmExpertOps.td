#ifndef LLMC_DIALECTS_LLM_IR_LLMEXPERTOPS_TD
#define LLMC_DIALECTS_LLM_IR_LLMEXPERTOPS_TD

// Mixtures of experts: feed-forward layers of which each token takes a few.

include "dialects/llm/IR/LlmTypes.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Llm_ExpertIds : RankedTensorOf<[I32], [HasAnyRankOfPred<[2]>, Llm_KnownWidthPred],
                                   "ids of the experts of each token">;
def Llm_ExpertMatrices : RankedTensorOf<[Llm_WeightElement],
                                        [HasAnyRankOfPred<[3]>, Llm_KnownShapePred],
                                        "one matrix per expert, of known shape">;

def Llm_RouteOp : Llm_Op<"route", [Pure]> {
  let summary = "Chooses the experts of each token";
  let description = [{
    `weights` are the softmax over all logits of a row (one per expert) at its largest logits, as many
    as the results have columns, and `ids` are their places, largest first, of equal ones the lower id
    first. With `normalize` the weights of a token are divided by their sum (Jiang et al., 2024).

    ```mlir
    %ids, %weights = llm.route %logits {normalize} : tensor<?x8xf32> -> tensor<?x2xi32>, tensor<?x2xf32>
    ```
  }];
  let arguments = (ins Llm_Rows:$logits, UnitAttr:$normalize);
  let results = (outs Llm_ExpertIds:$ids, Llm_Rows:$weights);
  let assemblyFormat = "$logits attr-dict `:` type($logits) `->` type($ids) `,` type($weights)";
  let hasVerifier = 1;
}

def Llm_ExpertLinearOp : Llm_Op<"expert_linear", [Pure]> {
  let summary = "Linear layer of each token's own experts";
  let description = [{
    The products of row t with the matrices `ids[t, 0]`, `ids[t, 1]`, ... stand side by side in row t
    of the result: `y[t, s * N + n] = sum over k of x[t, k] * w[ids[t, s], n, k]`. The input has `K`
    columns, or `K` for each of the token's experts side by side: then the product of expert s is that
    of columns `s * K` and on. The weight is `experts x N x K`; N is a multiple of 16, so that the
    groups of rows of a packed weight belong to one expert each.

    ```mlir
    %y = llm.expert_linear %x, %ids, %w
        : tensor<?x64xf32>, tensor<?x2xi32>, tensor<8x128x64x!llm.block<q4_0>> -> tensor<?x256xf32>
    ```
  }];
  let arguments = (ins Llm_Rows:$input, Llm_ExpertIds:$ids, Llm_ExpertMatrices:$weight);
  let results = (outs Llm_Rows:$result);
  let assemblyFormat = [{
    $input `,` $ids `,` $weight attr-dict
    `:` type($input) `,` type($ids) `,` type($weight) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Llm_ExpertSumOp : Llm_Op<"expert_sum", [Pure]> {
  let summary = "Weighted sum of what a token's experts yield";
  let description = [{
    `y[t, n] = residual[t, n] + sum over s of weights[t, s] * x[t, s * N + n]`, where `N` is the width
    of the result; without a residual, zero stands for it. `llm-fuse-experts` adds the residual.

    ```mlir
    %y = llm.expert_sum %x, %weights : tensor<?x128xf32>, tensor<?x2xf32> -> tensor<?x64xf32>
    %z = llm.expert_sum %x, %weights residual %h : tensor<?x128xf32>, tensor<?x2xf32> -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Llm_Rows:$input, Llm_Rows:$weights, Optional<Llm_Rows>:$residual);
  let results = (outs Llm_Rows:$result);
  // The residual is of the result's type.
  let assemblyFormat = [{
    $input `,` $weights (`residual` $residual^)? attr-dict
    `:` type($input) `,` type($weights) (`,` type($residual)^)? `->` type($result)
  }];
  let hasVerifier = 1;
}

def Llm_ExpertSumSquaresOp
    : Llm_Op<"expert_sum_squares", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "Adds the squares of each column of what an expert multiplies to its sums";
  let description = [{
    As `llm.sum_squares`, for the input of an `llm.expert_linear` with `experts` matrices: row
    `layer * experts + e` has the sums of expert e, over the tokens that have it, and in one column more
    the number of these tokens.

    ```mlir
    llm.expert_sum_squares %x, %ids into %sums[%layer] {experts = 8 : i64}
        : tensor<?x64xf32>, tensor<?x2xi32>, !llm.column_sums<layers = 16, columns = 65>
    ```
  }];
  let arguments = (ins Llm_Rows:$input, Llm_ExpertIds:$ids, Llm_ColumnSumsType:$sums, Index:$layer,
                       I64Attr:$experts);
  let assemblyFormat = [{
    $input `,` $ids `into` $sums `[` $layer `]` attr-dict
    `:` type($input) `,` type($ids) `,` qualified(type($sums))
  }];
  let hasVerifier = 1;
}

// What fusion makes of the above.

def Llm_ExpertSwigluOp : Llm_Op<"expert_swiglu", [Pure]> {
  let summary = "Gate and up of each token's own experts, combined by swiglu";
  let description = [{
    `llm.swiglu` of the `llm.expert_linear` of `gate` and that of `up`. The input is packed once for
    both.

    ```mlir
    %y = llm.expert_swiglu %x, %ids, %gate, %up
        : tensor<?x64xf32>, tensor<?x2xi32>, tensor<8x128x64xf16>, tensor<8x128x64xf16> -> tensor<?x256xf32>
    ```
  }];
  let arguments = (ins Llm_Rows:$input, Llm_ExpertIds:$ids, Llm_ExpertMatrices:$gate,
                       Llm_ExpertMatrices:$up);
  let results = (outs Llm_Rows:$result);
  let assemblyFormat = [{
    $input `,` $ids `,` $gate `,` $up attr-dict
    `:` type($input) `,` type($ids) `,` type($gate) `,` type($up) `->` type($result)
  }];
  let hasVerifier = 1;
}

#endif
