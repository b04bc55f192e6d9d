#ifndef LLMC_PASSES_FUSE_FUSEPASSES_TD
#define LLMC_PASSES_FUSE_FUSEPASSES_TD

include "mlir/Pass/PassBase.td"

// A pass, its file, its flag and its test have one name: FuseNorm, FuseNorm.cpp, llm-fuse-norm,
// tests/lit/passes/Fuse/FuseNorm.mlir. Every candidate gets one remark of category `fuse`, passed or
// missed, a missed one with its reason: `llmc-opt --llm-fuse-norm --remarks-filter=fuse`.
//
// The passes take any operation and are meant for the module: a context has one remark engine, and it
// is not made for threads.
class FusePass<string flag> : Pass<flag> {
  let dependentDialects = ["::llmc::llm::LlmDialect"];
}

// In the order of the pipeline; FusePipeline.cpp says why.

def FuseGate : FusePass<"llm-fuse-gate"> {
  let summary = "Make llm.swiglu or llm.geglu of an activation and a product";
  let description = [{
    `llm.mul(llm.silu(gate), up)`, with the factors in either order, becomes `llm.swiglu`, and with
    `llm.gelu` it becomes `llm.geglu`. Missed where the activation has other uses, for which it would
    have to be computed again.

    ```mlir
    %s = llm.silu %gate : tensor<?x64xf32>
    %y = llm.mul %s, %up : tensor<?x64xf32>
    // becomes
    %y = llm.swiglu %gate, %up : tensor<?x64xf32>
    ```
  }];
}

def FuseExperts : FusePass<"llm-fuse-experts"> {
  let summary = "Make one operation of gate, up and swiglu of experts, and add residuals in their sum";
  let description = [{
    An `llm.swiglu` of two `llm.expert_linear` of the same input and experts becomes an
    `llm.expert_swiglu`: missed where a product has other uses, or gate and up have other inputs. An
    `llm.add` to an `llm.expert_sum` that nothing else uses becomes its residual.

    ```mlir
    %g = llm.expert_linear %x, %ids, %wg : ...
    %u = llm.expert_linear %x, %ids, %wu : ...
    %s = llm.swiglu %g, %u : tensor<?x256xf32>
    %d = llm.expert_linear %s, %ids, %wd : ...
    %e = llm.expert_sum %d, %weights : ...
    %y = llm.add %h, %e : tensor<?x64xf32>
    // becomes
    %s = llm.expert_swiglu %x, %ids, %wg, %wu : ...
    %d = llm.expert_linear %s, %ids, %wd : ...
    %y = llm.expert_sum %d, %weights residual %h : ...
    ```
  }];
}

def FuseSharedInput : FusePass<"llm-fuse-shared-input"> {
  let summary = "Make one llm.fused_linear of the linear layers that share an input";
  let description = [{
    The `llm.linear` operations of one block of operations that have the same input (query, key and
    value; gate and up) become one `llm.fused_linear` in the place of the first, with the weights in
    program order. An `llm.linear` that is alone becomes an `llm.fused_linear` with one weight, so that
    no `llm.linear` is left.

    Missed where a weight or bias is computed only after the first of the group; such a layer begins a
    group of its own. An `llm.get_weight` is moved instead.

    ```mlir
    %q = llm.linear %x, %wq : tensor<?x64xf32>, tensor<64x64xf16> -> tensor<?x64xf32>
    %k = llm.linear %x, %wk : tensor<?x64xf32>, tensor<32x64xf16> -> tensor<?x32xf32>
    // becomes
    %q, %k = llm.fused_linear %x weights(%wq, %wk)
        : (tensor<?x64xf32>, tensor<64x64xf16>, tensor<32x64xf16>) -> (tensor<?x64xf32>, tensor<?x32xf32>)
    ```
  }];
}

def FuseNorm : FusePass<"llm-fuse-norm"> {
  let summary = "Normalize inside the linear layer that follows";
  let description = [{
    An `llm.rms_norm` whose only use is as the input of an `llm.fused_linear` becomes the norm of that
    operation. Missed where the norm is of heads, where it has other uses or the linear a norm already,
    and across blocks of operations, where the norm might be computed more often than before.

    ```mlir
    %n = llm.rms_norm %x, %w eps 1.0e-05 : tensor<?x64xf32>, tensor<64xf32>
    %y = llm.fused_linear %n weights(%m) : (tensor<?x64xf32>, tensor<32x64xf16>) -> tensor<?x32xf32>
    // becomes
    %y = llm.fused_linear %x norm(%w) weights(%m) {eps = 1.0e-05 : f32}
        : (tensor<?x64xf32>, tensor<64xf32>, tensor<32x64xf16>) -> tensor<?x32xf32>
    ```
  }];
}

def FuseResidual : FusePass<"llm-fuse-residual"> {
  let summary = "Add the residual inside the linear layer that precedes";
  let description = [{
    An `llm.add` of anything and the first product of an `llm.fused_linear` becomes that operation with
    a residual, in the place of the sum, where both addends are known. Of two products the later one
    takes the earlier as its residual. Missed where the product has other uses or another product of the
    linear is used before the sum, where the linear has an activation or a residual already, and across
    blocks of operations.

    ```mlir
    %p = llm.fused_linear %x weights(%m) : (tensor<?x64xf32>, tensor<32x64xf16>) -> tensor<?x32xf32>
    %y = llm.add %h, %p : tensor<?x32xf32>
    // becomes
    %y = llm.fused_linear %x weights(%m) residual(%h)
        : (tensor<?x64xf32>, tensor<32x64xf16>, tensor<?x32xf32>) -> tensor<?x32xf32>
    ```
  }];
}

def FuseActivation : FusePass<"llm-fuse-activation"> {
  let summary = "Apply an activation inside the linear layer that precedes";
  let description = [{
    An `llm.swiglu` or `llm.geglu` of the two products of an `llm.fused_linear`, or an `llm.gelu` of its
    only one, becomes that operation's activation. The gate's weight becomes the first where it is not.
    Missed where gate and up are not the two products of one linear with two weights, or have other
    uses; a gelu also where the linear has a residual.

    ```mlir
    %g, %u = llm.fused_linear %x weights(%wg, %wu)
        : (tensor<?x64xf32>, tensor<32x64xf16>, tensor<32x64xf16>) -> (tensor<?x32xf32>, tensor<?x32xf32>)
    %y = llm.swiglu %g, %u : tensor<?x32xf32>
    // becomes
    %y = llm.fused_linear %x weights(%wg, %wu) {activation = #llm.activation<swiglu>}
        : (tensor<?x64xf32>, tensor<32x64xf16>, tensor<32x64xf16>) -> tensor<?x32xf32>
    ```
  }];
}

def FuseAttention : FusePass<"llm-fuse-attention"> {
  let summary = "Rotate, write to the cache and attend in one operation";
  let description = [{
    An `llm.attention` of a rotated query, with the `llm.cache_write` of the rotated keys that precedes
    it, becomes `llm.fused_attention` in the place of the attention. Missed unless

    * the write is to the same layer of the same cache at the same position, in the same block of
      operations, with nothing between the two that reads or writes memory,
    * queries and keys are rotated by the same table, in the same pairs, in heads as wide as the
      cache's keys,
    * the rotated queries and keys have no other use.

    ```mlir
    %q1 = llm.rope %q, %t head_dim 32 : tensor<?x64xf32>, tensor<?x32xf32>
    %k1 = llm.rope %k, %t head_dim 32 : tensor<?x32xf32>, tensor<?x32xf32>
    llm.cache_write %kv[%layer] at %start, %k1, %v : ...
    %y = llm.attention %q1, %kv[%layer] at %start scale 1.0e-01 : ...
    // becomes
    %y = llm.fused_attention %q, %k, %v, %t, %kv[%layer] at %start scale 1.0e-01 : ...
    ```
  }];
}

#endif
